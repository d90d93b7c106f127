"""Programs that are run in a pod of the server, with what that has: its packages, settings and identity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pkgutil import get_data
from typing import Any

from compiler.cluster import Refused, Shell
from compiler.overlay import Overlay

SECONDS = 180
_FORBIDDEN = "(Forbidden)"
_RUN = """
import sys, types
for name, source in {programs!r}.items():
    module = types.ModuleType(name)
    module.__dict__["__file__"] = name + ".py"
    sys.modules[name] = module
    exec(compile(source, name + ".py", "exec"), module.__dict__)
sys.modules["asked"].main()
"""


class Silent(Exception):
    """A program gave no answer; the message is what it said instead."""


def program(name: str, beside: Mapping[str, str] | None = None) -> str:
    """The text of a program of `programs/`, for standard input; in: modules beside it, by name."""
    source = (get_data("compiler", f"operate/programs/{name}.py") or b"").decode()
    return _RUN.format(programs={**(beside or {}), "asked": source})


def command(overlay: Overlay, *arguments: str) -> list[str]:
    """How a program is run: as the server, without the variables that would shadow the identity of the pod."""
    return ["env", *(f"--unset={name}" for name in overlay.shadows), "python", "-", *arguments]


def ask(shell: Shell, overlay: Overlay, text: str, arguments: Sequence[str] = ()) -> Any:
    """The answer of a program: the JSON of its last line.

    Raises `Silent` where there is none, and `Refused` where the cluster does not let us run it.
    """
    answer = shell.execute(command(overlay, *arguments), text, SECONDS)
    if answer.code and _FORBIDDEN in answer.err:
        raise Refused(answer.words)
    lines = answer.out.rstrip().splitlines()
    if answer.code == 0 and lines:
        try:
            return json.loads(lines[-1])
        except ValueError:
            pass
    raise Silent((answer.err.strip() or answer.out.strip() or f"exit code {answer.code}").splitlines()[-1])
