"""The table of checks, and the programs that are sent into pods."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO

import pytest

from compiler.cluster import Answer, Refused
from compiler.errors import Usage
from compiler.operate.doctor import CHECKS, chosen
from compiler.operate.inside import Silent, ask, command, program
from compiler.overlay import Overlay
from tests.conftest import ROOT


class Pod:
    """A container that answers the same to everything, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Sequence[str]] = []

    def execute(self, command: Sequence[str], text: str = "", seconds: float = 0) -> Answer:  # noqa: ARG002 - the protocol
        self.asked.append(command)
        return self.answer

    def read(self, command: Sequence[str], sink: IO[bytes]) -> Answer:
        raise NotImplementedError

    def write(self, command: Sequence[str], source: IO[bytes]) -> Answer:
        raise NotImplementedError


def test_checks__each_is_in_the_page() -> None:
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}" not in page] == []


def test_chosen__by_name() -> None:
    assert [check.name for check in chosen(["store", "pods"])] == ["store", "pods"]
    assert chosen([]) == CHECKS
    with pytest.raises(Usage, match="there is no check 'pod'; there are: overlay, "):
        chosen(["pod"])


def test_ask__the_last_line_is_the_answer() -> None:
    pod = Pod(Answer(0, 'noise\n\n[{"step": "write"}]\n', "more noise"))
    overlay = Overlay(shadows=("AWS_ACCESS_KEY_ID",))
    assert ask(pod, overlay, "text", ["s3://bucket"]) == [{"step": "write"}]
    assert pod.asked == [["env", "--unset=AWS_ACCESS_KEY_ID", "python", "-", "s3://bucket"]]
    assert command(Overlay()) == ["env", "python", "-"]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(1, "", "Traceback\nImportError: no module"), Silent, "ImportError: no module"),
        (Answer(0, "not json\n", ""), Silent, "not json"),
        (Answer(137, "", ""), Silent, "exit code 137"),
        (Answer(1, "", 'Error from server (Forbidden): pods "mlflow-1" is forbidden'), Refused, "is forbidden"),
    ],
)
def test_ask__no_answer_has_a_reason(answer: Answer, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ask(Pod(answer), Overlay(), "text")


def test_program__its_modules_are_sent_along(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent runs as it stands, beside the modules that go with it."""
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    text = program("certificates", {"cryptography": "class x509: pass\n"})
    monkeypatch.setattr(sys, "argv", ["-"])
    exec(compile(text, "sent", "exec"), {})
    assert capsys.readouterr().out == "\n[]\n"
