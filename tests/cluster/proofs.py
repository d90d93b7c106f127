"""What was proved of each environment, as JSON: environment, property, and `proved` or the reason why not.

A property is the sentence in the docstring of a test. The environment is what the test's parameter names as such, and more of
that parameter may stand in the sentence, in braces.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

PROVED = "proved"
PROOF = "proof"
"""The property of a report that holds environment, sentence and verdict."""


class Proofs:
    """A plugin that listens to the results of tests and writes them down at the end, with what they cannot prove."""

    def __init__(self, path: Path, unproved: Sequence[str]) -> None:
        self.path = path
        self.unproved = list(unproved)
        self.results: dict[str, dict[str, str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report: pytest.TestReport = yield
        place = subject(item)
        if place and (report.when == "call" or not report.passed):
            report.user_properties.append((PROOF, [*place, verdict(report)]))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes what any process of the run has seen."""
        properties: list[tuple[str, Any]] = list(report.user_properties)
        for environment, sentence, said in (value for name, value in properties if name == PROOF):
            known = self.results.setdefault(environment, {})
            known[sentence] = max(known.get(sentence, ""), said, key=weight)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return
        document = {"results": self.results, "unproved": {"all": self.unproved}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def weight(verdict: str) -> int:
    """Which verdict counts where several tests are about one property: what failed anywhere is not proved."""
    order = ("", "skipped", PROVED, "skipped: known fault", "failed")
    return max(index for index, start in enumerate(order) if verdict.startswith(start))


def subject(item: pytest.Item) -> tuple[str, str] | None:
    """The environment and the property that a test is about, if it is about one."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    subjects = [value for value in item.callspec.params.values() if hasattr(value, "environment")]
    sentence = (item.function.__doc__ or "").partition("\n")[0].removesuffix(".")
    if not subjects or not sentence:
        return None
    return subjects[0].environment, sentence.format(it=subjects[0])


def verdict(report: pytest.TestReport) -> str:
    """One word or a reason."""
    if report.passed:
        return PROVED
    if hasattr(report, "wasxfail"):
        return f"skipped: known fault: {report.wasxfail.removeprefix('reason: ')}"
    if report.skipped:
        _, _, reason = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, str(report.longrepr))
        return f"skipped: {reason.removeprefix('Skipped: ')}"
    return "failed"
