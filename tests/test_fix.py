"""Fixes: the one right answer is written, and nothing else in the file changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostic import Diagnostic, Edit, Place
from compiler.fix import apply, compatible
from compiler.source import alike, read
from compiler.understand import mend, understand
from tests.conftest import ROOT, Run

REFERENCES = sorted((ROOT / "overlays").glob("*/environment.yaml"))


def mended(text: str) -> str:
    return mend("dev", "environment.yaml", text.encode()).content.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("overlay: minio-postgre\n", "overlay: minio-postgres\n"),
        ("overlay: 'minio-postgre'  # kind\n", "overlay: minio-postgres  # kind\n"),
        ("overlay: minio-mysql\nreplica: 1 # r\n", "overlay: minio-mysql\nreplicas: 1 # r\n"),
        ("overlay: minio-mysql\nreplicas: '1'\n", "overlay: minio-mysql\nreplicas: 1\n"),
        ("overlay: minio-mysql\ncreateNamespace: no # n\n", "overlay: minio-mysql\ncreateNamespace: false # n\n"),
        ('overlay: minio-mysql\nmlflow: {jobs: "On"}\n', "overlay: minio-mysql\nmlflow: {jobs: true}\n"),
        ('overlay: minio-mysql\nmlflow: {"worker":2}\n', 'overlay: minio-mysql\nmlflow: {"workers":2}\n'),
        ("overlay: minio-mysql\nmlflow: {log_level: info}\n", "overlay: minio-mysql\nmlflow: {logLevel: INFO}\n"),
        ("overlay: minio-mysql\nhost: a\nhost: a\n", "overlay: minio-mysql\nhost: a\n"),
        ("overlay: minio-mysql\nhost: a\nhost: a  # why\n", "overlay: minio-mysql\nhost: a\n# why\n"),
        ("{overlay: minio-mysql, host: a , host: a }\n", "{overlay: minio-mysql, host: a }\n"),
        (
            "overlay: minio-mysql\nmlflow:\n  workers: 2\nmlflow:\n  workers: 2\n# end\n",
            "overlay: minio-mysql\nmlflow:\n  workers: 2\n# end\n",
        ),
        ("\ufeffoverlay: minio-mysq\r\nreplicas: '1'\r\n", "\ufeffoverlay: minio-mysql\r\nreplicas: 1\r\n"),
        ("overlay: minio-mysql\n# ü 日本\nnetworkPolici: {}\n", "overlay: minio-mysql\n# ü 日本\nnetworkPolicy: {}\n"),
    ],
)
def test_fix__writes_the_one_right_answer(before: str, after: str) -> None:
    assert mended(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "overlay: minio\n",
        "overlay: minio-mysql\nbucket: x\n",
        "overlay: minio-mysql\nreplicas: 1\nreplica: 2\n",
        "overlay: minio-mysql\nreplica: 1\nreplicass: 1\n",
        "overlay: minio-mysql\nreplicas: many\n",
        "overlay: minio-mysql\nreplicas: '007'\n",
        "overlay: minio-mysql\nreplicas: '\u00b2'\n",
        "overlay: minio-mysql\nreplicas: |\n  1\n",
        "overlay: minio-mysql\nkubernetesVersion: 1.344\n",
        "overlay: minio-mysql\nhost: a\nhost: b\n",
        "overlay: minio-mysql\nhost: 1.30\nhost: 1.3\n",
        "overlay: minio-mysql\nmlflow:\n  workers: 2 # a\n  jobs: true\nmlflow:\n  workers: 2 # a\n  jobs: true\n",
        "overlay: minio-mysql\nresources: {limits: {memory: 1Mi}}\n",
        "overlay: [\n",
    ],
)
def test_fix__leaves_what_a_person_has_to_choose(text: str) -> None:
    assert mended(text) == text


@pytest.mark.parametrize("path", sorted((ROOT / "tests/cases/invalid").glob("*/*.yaml")), ids=lambda path: path.stem)
def test_fix__of_every_case_leaves_less_and_happens_once(path: Path) -> None:
    content = path.read_bytes()
    done = mend("dev", "environment.yaml", content)
    before, after = _codes(content), _codes(done.content)
    assert (done.content != content) is bool(done.diagnostics)
    if done.diagnostics:
        assert after != before
        assert read("", done.content)[0] is not None
    assert mend("dev", "environment.yaml", done.content).diagnostics == ()


def _codes(content: bytes) -> list[str]:
    return [each.code for each in understand("dev", "environment.yaml", content).diagnostics]


SLIPS = {
    r"^overlay: (.*).$": r"overlay: \1",
    r"^replicas: (.*)": r"replicas: '\1'",
    r"^namespace:": "namespac:",
    r"^database:": "databse:",
    r"^artifacts:": "artifact:",
    r"^host: (.*)": r"host: \1\nhost: \1",
}
"""Slips of the pen, each with one right answer: lines, and what is written in their place."""


@given(
    path=st.sampled_from(REFERENCES),
    slips=st.sets(st.sampled_from(sorted(SLIPS))),
    comments=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8), min_size=30, max_size=30
    ),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_fix__takes_back_every_slip_and_keeps_all_else(
    path: Path, slips: set[str], comments: list[str], newline: str
) -> None:
    """What comes out is byte for byte the file without the slips: comments, order and layout."""
    wanted, written = [], []
    for line, comment in zip(path.read_text().splitlines(), comments, strict=False):
        note = f"# {comment}" if comment else ""
        wanted += [note, line]
        for right in slips:
            line = re.sub(right, SLIPS[right], line)  # noqa: PLW2901 - the line as it is mistyped
        written += [note, line]
    before, after = ("\n".join(lines).replace("\n", newline) + newline for lines in (written, wanted))
    done = mend("dev", "environment.yaml", before.encode())
    assert done.content == after.encode()
    assert mend("dev", "environment.yaml", done.content).content == done.content


TEXTS = st.text(st.sampled_from("ab:\u00e9\u65e5\U0001f600 \n\r\u2028\u0085"), max_size=40)


@given(text=TEXTS, data=st.data())
def test_apply__changes_the_stretch_and_nothing_else(text: str, data: Any) -> None:
    lines = text.splitlines(keepends=True)
    if not lines:
        return
    number = data.draw(st.integers(1, len(lines)))
    line = lines[number - 1].splitlines()[0]
    start = data.draw(st.integers(1, len(line) + 1))
    end = data.draw(st.integers(start, len(line) + 1))
    done = apply(text.encode(), [Edit(number, start, number, end, "new")]).decode()
    kept = line[: start - 1] + "new" + line[end - 1 :]
    assert done == "".join([*lines[: number - 1], kept + lines[number - 1][len(line) :], *lines[number:]])


def test_compatible__of_two_edits_of_one_stretch_the_first() -> None:
    def diagnostic(*span: int) -> Diagnostic:
        return Diagnostic(Place("a", 1, 1), "unknown-key", str(span), edits=(Edit(1, span[0], 1, span[1], ""),))

    one, inside, beside = diagnostic(1, 5), diagnostic(2, 3), diagnostic(5, 9)
    assert compatible([one, inside, beside, Diagnostic(Place("a", 1, 1), "unknown-key", "")]) == [one, beside]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("replica", ["replicas", "region"], "replicas"),
        ("existing_secret", ["existingSecret"], "existingSecret"),
        ("a", ["b"], ""),
        ("image1", ["image2", "image3"], ""),
    ],
)
def test_alike__is_one_or_none(word: str, known: list[str], meant: str) -> None:
    assert alike(word, known) == meant


# The commands


@pytest.mark.parametrize("command", [["lint"], ["check"]])
def test_command__fixes_and_says_what_is_left(project: Any, run: Run, command: list[str]) -> None:
    directory = project.add("dev", "overlay: minio-postgre # c\nreplicas: many\n")
    file = directory / "environment.yaml"
    file.chmod(0o640)
    assert run(*command).code == 1
    assert file.read_text() == "overlay: minio-postgre # c\nreplicas: many\n"
    answer = run(*command, "--fix")
    assert (answer.code, answer.codes()) == (1, ["unknown-value", "wrong-type"])
    assert "fixed: overlay cannot be 'minio-postgre'" in answer.out
    assert file.read_text() == "overlay: minio-postgres # c\nreplicas: many\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in directory.iterdir()] == ["environment.yaml"]


def test_command__leaves_a_link_a_link(project: Any, run: Run) -> None:
    real = project.workspace.root / "real.yaml"
    real.write_text("overlay: minio-postgre\n")
    link = project.workspace.root / "link.yaml"
    link.symlink_to(real)
    assert run("lint", "--fix", "link.yaml").code == 0
    assert link.is_symlink()
    assert real.read_text() == "overlay: minio-postgres\n"


def test_command__without_anything_to_fix_does_not_touch_the_file(project: Any, run: Run) -> None:
    file = project.add("dev", "overlay: minio-postgres\n") / "environment.yaml"
    before = file.stat().st_ino, file.stat().st_mtime_ns
    assert run("lint", "--fix").code == 0
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before
