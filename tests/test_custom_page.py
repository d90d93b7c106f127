"""The page about custom/ shows what compiles and runs."""

from __future__ import annotations

import re

from tests.conftest import ROOT

EXAMPLE = ROOT / "tests" / "cases" / "valid" / "beside.custom"


def test_page__shows_the_files_of_the_example() -> None:
    page = (ROOT / "docs" / "custom.md").read_text(encoding="utf-8")
    blocks = re.findall(r"custom/(\S+)`:\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert dict(blocks) == {file.name: file.read_text(encoding="utf-8") for file in EXAMPLE.iterdir()}
