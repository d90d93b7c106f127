"""What a run has proved, for `--proofs FILE`: environment, property, and `proved` or the reason why not.

A property is the first sentence of a test's docstring. `unproved` is what the parts that stand for others leave open, and
`measured` the numbers that tests took.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROVED = "proved"
SKIPPED = "skipped: "
ELSEWHERE = (
    "IPv6: pods have IPv4 addresses alone",
    "the images themselves: programs of this machine stand for them",
    "limits of CPU and memory, and seccomp profiles: nothing enforces them here; memory is measured",
    "scheduling, volumes of a StorageClass, an Ingress controller and its TLS: these need a whole cluster",
)
RDS = "Amazon RDS itself: PostgreSQL of Debian answers under its name, over TLS, with a certificate of a test authority"
AMAZON = "Amazon itself: moto answers for S3, IAM and STS, with signatures and policies checked"


@dataclass
class Proofs:
    """All verdicts by environment and property."""

    results: dict[str, dict[str, str]] = field(default_factory=dict)
    measured: dict[str, dict[str, str]] = field(default_factory=dict)
    unproved: dict[str, set[str]] = field(default_factory=dict)

    def add(self, environment: str, sentence: str, verdict: str, measured: str) -> None:
        """Records a verdict; one that is not good stays, whatever comes after it."""
        known = self.results.setdefault(environment, {}).setdefault(sentence, verdict)
        if known == PROVED:
            self.results[environment][sentence] = verdict
        if measured:
            self.measured.setdefault(environment, {})[sentence] = measured

    def note(self, environment: str, *notes: str) -> None:
        """Records what the environment leaves open."""
        self.unproved.setdefault(environment, set()).update(note for note in notes if note)

    def document(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        notes = {each: sorted(found) for each, found in self.unproved.items()}
        return {"results": self.results, "measured": self.measured, "unproved": notes}

    def join(self, document: Mapping[str, Any]) -> None:
        """Takes what another process has proved."""
        for environment, verdicts in document["results"].items():
            for sentence, verdict in verdicts.items():
                self.add(environment, sentence, verdict, document["measured"].get(environment, {}).get(sentence, ""))
        for environment, notes in document["unproved"].items():
            self.note(environment, *notes)

    def write(self, path: Path) -> None:
        """Writes everything as JSON, in a stable order."""
        document = self.document()
        document["unproved"] = {"every environment": sorted(ELSEWHERE)} | document["unproved"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")

    def summary(self) -> list[str]:
        """A line for each environment, and one for each thing that it leaves open."""
        lines = []
        for environment, verdicts in sorted(self.results.items()):
            counted = Counter(verdict.partition(":")[0] for verdict in verdicts.values())
            lines.append(f"{environment}: " + ", ".join(f"{number} {word}" for word, number in sorted(counted.items())))
        return lines + [
            f"{environment}: unproved: {note}"
            for environment, notes in sorted(self.unproved.items())
            for note in sorted(notes)
        ]
