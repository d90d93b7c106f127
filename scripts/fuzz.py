"""Feeds the command line with environments that are broken in every way, and says how many it tried of each sort.

No input may bring about a traceback, an exit code that is not documented, a wait of over a second, or a file outside of its
overlay. What `lint` finds nothing wrong with is compiled now and then, build and all. The same seed tries the same inputs.

Example: .venv/bin/python scripts/fuzz.py --seed 1 --count 20000 --output docs/fuzzing.md
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import compiler.cli.app  # noqa: F401 - read before any clock runs
from compiler import cli, errors

sys.path.insert(0, str(Path(__file__).resolve().parent))

from inputs import SORTS

SUMMARY, _, EXAMPLE = (__doc__ or "").rpartition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
MAX_SECONDS = 1.0
"""Of the processor's time, so that a busy machine fails nothing."""
FORMATS = ("text", "text", "json", "sarif", "junit", "github")
FIX_EVERY = 3
LEGAL = (errors.CLEAN, errors.FINDINGS)
WRITTEN = re.compile(
    r"overlays/dev/(environment\.yaml|kustomization\.yaml|SECRETS\.md|secrets/\.gitignore|secrets/[a-z0-9-]+\.env"
    r"|externalsecrets-[0-9a-f]{8}\.yaml)"
    r"|\.cache/mlflow-overlays/(\.gitignore|proved/dev\.json)"
)
"""The files that may stand in a project with one environment without anything of its own, once it was compiled."""


class SlowError(BaseException):
    """An input that kept a command for too long."""


@dataclass
class Tally:
    """How many inputs there were of each sort, how many of them had nothing wrong, and what went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    clean: Counter[str] = field(default_factory=Counter)
    compiled: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


def fuzz(seed: int, count: int, every: int, project: Path) -> Tally:
    """Tries `count` inputs in a project of its own; of those that `lint` passes, each `every`-th is compiled."""
    tally = Tally()
    names = list(SORTS)
    for number in range(count):
        sort = names[number % len(names)]
        one = f"{seed}:{number}"
        content = SORTS[sort](Random(one))  # noqa: S311 - chance that can be repeated
        tally.tried[sort] += 1
        problem = attempt(project, content, sort, number, every, tally)
        if problem:
            tally.failures.append(f"scripts/inputs.py --sort {sort} --seed {one}: {problem}")
    return tally


def attempt(project: Path, content: bytes, sort: str, number: int, every: int, tally: Tally) -> str:
    """Lints one input in one of the formats, and where that is its turn, fixes and compiles it.

    Returns what went wrong, or nothing.
    """
    overlay = project / "overlays" / "dev"
    file = overlay / "environment.yaml"
    empty(overlay)
    file.write_bytes(content)
    before = tree(project)
    code, out, problem = run("lint", project, "--output", FORMATS[number // len(SORTS) % len(FORMATS)])
    tally.slowest = max(tally.slowest, run.seconds)
    if problem or tree(project) != before:
        return problem or "lint wrote a file"
    if code == errors.CLEAN:
        tally.clean[sort] += 1
        if tally.clean[sort] % every == 0:
            tally.compiled[sort] += 1
            _, _, problem = run("compile", project, "dev", limit=60)
            stray = [path for path in tree(project) if not WRITTEN.fullmatch(path)]
            return problem or (f"compile wrote {stray}" if stray else "")
    elif not out:
        return "lint failed and said nothing"
    if number % FIX_EVERY:
        return ""
    _, _, problem = run("lint", project, "--fix")
    return problem or ("--fix wrote another file" if set(tree(project)) != set(before) else "")


class Run:
    """Runs a command in this process, as a terminal would. `seconds` is how long the last one took."""

    seconds = 0.0

    def __call__(self, command: str, project: Path, *more: str, limit: float = MAX_SECONDS) -> tuple[int, str, str]:
        """Out: the exit code, what was printed, and what went wrong, or nothing."""
        out, err = io.StringIO(), io.StringIO()
        code = 0
        begun = time.process_time()
        try:
            with within(project, limit), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                sys.argv = ["mlflow-overlays", command, *more]
                cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        except SlowError:
            return code, out.getvalue(), f"{command} took more than {limit:g} s"
        self.seconds = time.process_time() - begun
        if code not in LEGAL or err.getvalue():
            return code, out.getvalue(), f"{command} ended with {code}: {err.getvalue()[-600:]}"
        return code, out.getvalue(), ""


run = Run()


@contextlib.contextmanager
def within(project: Path, limit: float) -> Iterator[None]:
    """Works in a directory, and raises `SlowError` where it takes too long."""

    def stop(number: int, frame: FrameType | None) -> Any:
        raise SlowError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        with contextlib.chdir(project):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def tree(project: Path) -> dict[str, tuple[int, int]]:
    """Every file of the project but the base, with its size and the time of its last change."""
    found = {}
    for folder, _, files in os.walk(project):
        for name in files:
            path = Path(folder) / name
            state = path.lstat()
            found[path.relative_to(project).as_posix()] = (state.st_size, state.st_mtime_ns)
    return found


def empty(overlay: Path) -> None:
    """Removes what an input before left."""
    overlay.mkdir(parents=True, exist_ok=True)
    for path in sorted(overlay.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def page(tally: Tally, seed: int) -> str:
    """What was tried, as a page."""
    rows = [f"| {sort} | {tally.tried[sort]} | {tally.clean[sort]} | {tally.compiled[sort]} |" for sort in SORTS]
    rows.append(f"| **all** | {tally.tried.total()} | {tally.clean.total()} | {tally.compiled.total()} |")
    return (
        "<!-- Written by scripts/fuzz.py. Made anew by `make fuzz`. -->\n\n# Fuzzing\n\n"
        "Environments that are broken in every way are given to `lint`, in every format and with `--fix`; of those with nothing\n"
        "wrong, some are compiled, build and all. None may bring about a traceback, an exit code that is not documented, over a\n"
        "second of work, or a file outside of its overlay. `scripts/inputs.py` says what each sort is.\n\n"
        f"Tried on {datetime.now(UTC):%Y-%m-%d} with the seed {seed}: **{tally.tried.total()} inputs, "
        f"{len(tally.failures)} failures**; the slowest `lint` took {tally.slowest:.2f} s.\n\n"
        "| sort | tried | nothing wrong | compiled |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def main() -> int:
    """Tries the inputs and prints what came of them. Returns 1 where one failed."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed tries the same inputs")
    parser.add_argument("--count", type=int, default=1000, help="how many inputs to try")
    parser.add_argument(
        "--compile-every", type=int, default=20, help="compile one in so many of those with nothing wrong"
    )
    parser.add_argument("--output", type=Path, help="write the page with the numbers here")
    arguments = parser.parse_args()
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as directory:
        project = Path(directory)
        shutil.copytree(ROOT / "base", project / "base")
        tally = fuzz(arguments.seed, arguments.count, arguments.compile_every, project)
    text = page(tally, arguments.seed)
    print(text.partition("\n\n# Fuzzing\n\n")[2], end="")
    for failure in tally.failures:
        print(failure)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8", newline="\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
