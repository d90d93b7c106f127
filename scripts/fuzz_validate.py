"""Feeds `validate` with hostile manifests and trees of Kustomize, in a sandbox, and says how many it tried of each sort.

No input may bring about a process but kubectl, a connection, a change outside of the temporary directory, a traceback, an exit
code that is not documented, or a wait of over some seconds. The same seed tries the same inputs.

Example: .venv/bin/python scripts/fuzz_validate.py --seed 1 --count 10000 --output docs/fuzzing-validate.md
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import compiler.cli.app  # noqa: F401 - read before anything is watched
from compiler import cli, errors
from compiler.build import kubectl

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fuzz import SlowError, within
from inputs import WORDS

SUMMARY, _, EXAMPLE = (__doc__ or "").rpartition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
MAX_SECONDS = 20.0
"""Of the processor's time: far more than any input takes, so that only a hang fails."""
LEGAL = (errors.CLEAN, errors.FINDINGS, errors.MISSING)
FORMATS = ("text", "json", "sarif", "junit", "github")
CHANGES = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "os.truncate"),
    *("shutil.rmtree", "os.chown", "os.utime"),
}
"""Audit events of changes, whose first argument is a path: https://docs.python.org/3/library/audit_events.html."""
PROCESSES = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
FIELDS = (
    *(
        "resources",
        "bases",
        "components",
        "crds",
        "configurations",
        "patchesStrategicMerge",
        "generators",
        "transformers",
    ),
    *("validators", "Resources", "re\u017fources"),
)


class Sandbox:
    """Watches what this process does while `validate` runs; whatever is not allowed is kept in `broken`."""

    def __init__(self, allowed: Path) -> None:
        self.allowed = str(allowed.resolve())
        self.on = False
        self.broken: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "subprocess.Popen":
            if str(arguments[0]) != kubectl().path:
                self.broken.append(f"ran {arguments[0]}")
        elif event in PROCESSES or event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            self.broken.append(f"{event} {arguments[:2]}")
        elif event in CHANGES:
            self._changed(event, arguments[0])
        elif event == "open":
            path, mode, flags = arguments
            writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if writes or (mode and set(str(mode)) & set("wax+")):
                self._changed(event, path)

    def _changed(self, event: str, path: Any) -> None:
        if isinstance(path, int) or os.fspath(path) == os.devnull:
            return
        real = os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(path))))  # noqa: PTH100, PTH120
        if not real.startswith(self.allowed):
            self.broken.append(f"{event} {path}")


@dataclass
class Tally:
    """How many inputs there were of each sort, what they ended with, and what went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


def manifests(chance: Random, top: Path, _: int) -> None:
    """Objects of the project's own builds, with tokens inserted, deleted and doubled."""
    text = chance.choice(GOLDEN)
    for _ in range(chance.randint(0, 12)):
        at = chance.randrange(len(text) + 1)
        cut = at + chance.choice((0, 0, 1, 5, 60))
        text = text[:at] + chance.choice((*WORDS, "\n", "  ", "kind: Secret\n", text[at : at + 80])) + text[cut:]
    content = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        content = bytes(chance.randrange(256) for _ in range(chance.randint(0, 400))) + content[:200]
    (top / chance.choice(("a.yaml", "a.yml", "a.json", "\udcff.yaml", "\x1b[31m.yaml", "::error::.yaml"))).write_bytes(
        content
    )


def depths(chance: Random, top: Path, _: int) -> None:
    """Texts that are nested, long, large or full of aliases."""
    deep = chance.choice((90, 101, 1_000, 100_000))
    texts = (
        "- " * deep + "a", "{a: " * deep, "[" * deep, "? " * deep, "a: |\n" + " " * min(deep, 5_000) + "x\n",
        "".join(" " * depth + "a:\n" for depth in range(min(deep, 1_000))),
        "---\n" * min(deep, 5_000), "a: &a [*a]\n",
        "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)),
        "a: " + "x" * deep, "'" * deep, '"\\' + "x" * deep, "!" * deep, "#" * deep,
    )  # fmt: skip
    name = chance.choice(("a.yaml", "kustomization.yaml", "a.json"))
    (top / name).write_text(chance.choice(texts))
    if chance.random() < 0.1:
        with (top / "large.yaml").open("wb") as file:
            file.truncate(chance.choice((300, 3_000)) * 1024**2)


def odd(chance: Random, top: Path, _: int) -> None:
    """Links, pipes, sockets and devices, in place of files and directories."""
    (top / "good.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n")
    (top / "deep").mkdir()
    for _ in range(chance.randint(1, 4)):
        name = chance.choice(
            ("a.yaml", "b.yml", "deep/a.yaml", "deep/kustomization.yaml", "kustomization.yaml", "d", "deep/d")
        )
        if not os.path.lexists(top / name):
            _make_odd(chance, top / name)


def _make_odd(chance: Random, path: Path) -> None:
    target = chance.choice(
        ("/etc/hostname", "/dev/zero", "gone", ".", "..", "good.yaml", "/proc/self/environ", "/", str(path))
    )
    if chance.random() < 0.7:
        path.symlink_to(target)
    elif chance.random() < 0.7:
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(path.parent):
            server.bind(path.name)


def trees(chance: Random, top: Path, port: int) -> None:
    """Kustomizations that name files, directories, links, addresses, programs and what is outside."""
    (top / "x").mkdir()
    (top / "x" / "kustomization.yaml").write_text(_kustomization(chance, port))
    (top / "good.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n")
    (top / "t.yaml").write_text(
        f"apiVersion: {chance.choice(('builtin', 'own/v1'))}\nkind: PatchTransformer\nmetadata: {{name: t}}\n"
        f"path: {chance.choice(PATHS).format(port=port)}\n"
    )
    _make_odd(chance, top / "link")
    (top / chance.choice(("kustomization.yaml", "kustomization.yml", "Kustomization"))).write_text(
        _kustomization(chance, port)
    )


PATHS = (
    *(
        "good.yaml",
        "./good.yaml",
        "x",
        "./x/",
        "x/../good.yaml",
        "../v",
        "t.yaml",
        "link",
        "link/a.yaml",
        "gone",
        ".",
        "..",
        "/etc",
    ),
    *(
        "/etc/hostname",
        "../../../../../../etc/hostname",
        "file:///nonexistent//x?ref=--upload-pack=touch%20planted%20%23",
    ),
    *(
        "http://127.0.0.1:{port}/x",
        "HTTP://127.0.0.1:{port}/x",
        "https://127.0.0.1:{port}/x//y?ref=v1",
        "git::http://127.0.0.1:{port}/x",
    ),
    *(
        "git@127.0.0.1:x/y.git",
        "ssh://git@127.0.0.1:{port}/x",
        "gh:a/b",
        "github.com/a/b",
        "s3://a/b",
        "a\\0b",
        "a b",
        "~/.ssh/id_rsa",
    ),
)
_FUNCTION = (
    '"apiVersion: own/v1\\nkind: Own\\nmetadata: {{name: p, annotations: '
    "{{config.kubernetes.io/function: 'exec: {{path: ./p}}'}}}}\\n\""
)
PLUGINS = (
    '"apiVersion: builtin\\nkind: PatchTransformer\\nmetadata: {{name: p}}\\npath: http://127.0.0.1:{port}/x\\n"',
    '"apiVersion: builtin\\nkind: HelmChartInflationGenerator\\nmetadata: {{name: p}}\\nname: a\\nrepo: http://127.0.0.1:{port}\\n"',
    _FUNCTION,
)


def _kustomization(chance: Random, port: int) -> str:
    lines = []
    # Half of them name only what is there, so that some are built.
    paths = PATHS if chance.random() < 0.5 else ("good.yaml", "./good.yaml", "good.yaml")
    for _ in range(chance.randint(1, 4)):
        path = chance.choice(paths)
        lines.append(
            chance.choice(
                (
                    *(f"{name}: ['{path}']" for name in chance.choices(FIELDS, k=4)),
                    f"{chance.choice(('generators', 'transformers', 'validators'))}: [{chance.choice(PLUGINS)}]",
                    f"patches: [{{path: '{path}'}}]",
                    f"configMapGenerator: [{{name: c, files: ['{path}', 'k={path}'], envs: ['{path}']}}]",
                    f"secretGenerator: [{{name: s, files: ['{path}'], env: '{path}'}}]",
                    f"replacements: [{{path: '{path}'}}]",
                    f"openapi: {{path: '{path}'}}",
                    "helmCharts: [{name: a, repo: 'http://127.0.0.1:{port}'}]".replace("{port}", "{{port}}"),
                    "configMapGenerator: [{name: c, literals: [a=b]}]",
                    chance.choice(WORDS).replace("{", "").replace("}", ""),
                )
            )
        )
    text = "\n".join(lines) + "\n"
    with contextlib.suppress(KeyError, ValueError, IndexError):
        return text.replace("{name", "{{name").replace("{path: '", "{{path: '").replace("}]", "}}]").format(port=port)
    return text.replace("{port}", str(port))


SORTS: dict[str, Callable[[Random, Path, int], None]] = {
    "manifests": manifests,
    "trees": trees,
    "odd": odd,
    "depths": depths,
}
GOLDEN = [
    part
    for path in sorted((ROOT / "tests" / "golden").glob("*.yaml"))
    for part in path.read_text(encoding="utf-8").split("\n---\n")
]


def fuzz(seed: int, count: int, scratch: Path) -> Tally:
    """Tries `count` inputs. In: a directory where everything is done."""
    tally, names = Tally(), list(SORTS)
    victim = scratch.parent / f"{scratch.name}-victim"
    victim.mkdir()
    (victim / "mine").write_text("mine")
    os.environ["PATH"] = f"{_fake_git(scratch)}{os.pathsep}{os.environ['PATH']}"
    sandbox = Sandbox(scratch)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - the interface of sockets
        port = listener.getsockname()[1]
        for number in range(count):
            sort, one = names[number % len(names)], f"{seed}:{number}"
            top = scratch / "work" / "v"
            shutil.rmtree(scratch / "work", ignore_errors=True)
            top.mkdir(parents=True)
            SORTS[sort](Random(one), top, port)  # noqa: S311 - chance that can be repeated
            tally.tried[sort] += 1
            problem = attempt(sandbox, top, FORMATS[number // len(names) % len(FORMATS)], sort, tally)
            with contextlib.suppress(BlockingIOError):
                listener.accept()
                problem = problem or "connected"
            if list(scratch.rglob("planted")) or [path.name for path in victim.iterdir()] != ["mine"]:
                problem = problem or "a program ran"
            if problem:
                tally.failures.append(f"{sort} {one}: {problem}")
    shutil.rmtree(victim)
    return tally


def _fake_git(scratch: Path) -> Path:
    """A directory with a `git` that leaves a mark where it runs."""
    programs = scratch / "programs"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\ntouch '{scratch}/planted'\nexit 1\n")
    (programs / "git").chmod(0o755)
    return programs


def attempt(sandbox: Sandbox, top: Path, format_: str, sort: str, tally: Tally) -> str:
    """Validates one input. Returns what went wrong, or nothing."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    begun = time.process_time()
    try:
        with within(top.parent, MAX_SECONDS), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            sys.argv = ["mlflow-overlays", "validate", "v", "--output", format_]
            sandbox.on = True
            cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except SlowError:
        return f"took more than {MAX_SECONDS:g} s"
    finally:
        sandbox.on = False
    tally.slowest = max(tally.slowest, time.process_time() - begun)
    tally.ended[sort, code] += 1
    broken, sandbox.broken = sandbox.broken, []
    if broken:
        return broken[0]
    if code not in LEGAL or "Traceback" in err.getvalue():
        return f"ended with {code}: {err.getvalue()[-400:]}"
    text = out.getvalue()
    raw = [letter for letter in text if not letter.isprintable() and letter != "\n"]
    return f"printed {raw[0]!r}" if raw else ""


def page(tally: Tally, seed: int) -> str:
    """What was tried, as a page."""
    rows = [
        f"| {sort} | {tally.tried[sort]} | {' | '.join(str(tally.ended[sort, code]) for code in LEGAL)} |"
        for sort in SORTS
    ]
    total = [sum(tally.ended[sort, code] for sort in SORTS) for code in LEGAL]
    rows.append(f"| **all** | {tally.tried.total()} | {' | '.join(map(str, total))} |")
    return (
        "<!-- Written by scripts/fuzz_validate.py. Run `make fuzz-validate` to regenerate. -->\n\n# Fuzzing validate\n\n"
        "Hostile manifests and trees of Kustomize are given to `validate`, in every format, in a sandbox: an audit hook sees\n"
        "every process but kubectl, every connection and every change outside of the temporary directory; a listener waits for\n"
        "what kubectl might fetch, and a `git` on PATH leaves a mark. `scripts/fuzz_validate.py` says what each sort is.\n\n"
        f"Run on {datetime.now(UTC):%Y-%m-%d} with the seed {seed}: **{tally.tried.total()} inputs, "
        f"{len(tally.failures)} failures**; the slowest took {tally.slowest:.2f} s of the processor.\n\n"
        "| sort | tried | exit 0 | exit 1 | exit 3 |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def main() -> int:
    """Tries the inputs and prints what came of them. Returns 1 where one failed."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed tries the same inputs")
    parser.add_argument("--count", type=int, default=1000, help="how many inputs to try")
    parser.add_argument("--output", type=Path, help="write the page with the numbers here")
    arguments = parser.parse_args()
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR"):
        os.environ.pop(name, None)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-fuzz-") as directory:
        os.environ["TMPDIR"] = directory
        tempfile.tempdir = directory
        tally = fuzz(arguments.seed, arguments.count, Path(directory))
    text = page(tally, arguments.seed)
    print(text.partition("\n\n# Fuzzing validate\n\n")[2], end="")
    for failure in tally.failures:
        print(ascii(failure)[1:-1])
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8", newline="\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
