"""Rules that do not bind this environment, each with a reason and a last day.

Every build is held to the default checks of kube-linter and kube-score and to checkov's and Trivy's Kubernetes checks;
docs/policy.md has the rules. A waiver names a rule, and the overlay then carries the tools' own annotations on the objects that
it is about, so that they stay silent too. The day after `expires` the waiver is an error; one that waives nothing is a warning.
A waiver may also name a check of `mlflow-overlays audit`, the production checklist: [audit.md](audit.md) has them.

What would not work or would give a credential away cannot be waived. What another key asks for by itself needs no waiver: one
replica, no NetworkPolicies, a port of every node, or a platform that names users itself.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.formats import LINE
from compiler.kind import Kind
from compiler.overlay import Overlay, Waiver
from compiler.part import Schema, object_of, text
from compiler.policy import CHECKLIST, POLICY

if TYPE_CHECKING:
    from compiler.environment import Environment

_DAY = r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"

KEYS: dict[str, Schema] = {
    "waivers": {
        "type": "array",
        "description": "Rules that do not bind this environment.",
        "minItems": 1,
        "items": object_of(
            "A rule that does not bind this environment.",
            {
                "rule": {
                    "type": "string",
                    "description": "The rule.",
                    "enum": [*POLICY, *CHECKLIST],
                    "enumDescriptions": [*(rule.demand for rule in POLICY.values()), *CHECKLIST.values()],
                },
                "reason": text("Why, for the next reader.", f"(?!=){LINE}", "one line of words", maxLength=200),
                "expires": text("The last day on which it holds.", _DAY, "a day, like 2027-03-31"),
            },
            required=["rule", "reason", "expires"],
        ),
    }
}


def read(values: Mapping[str, Any], kind: Kind) -> tuple[Waiver, ...]:
    """The waivers, in order."""
    return tuple(
        Waiver(each["rule"], each["reason"], ("waivers", index), each["expires"])
        for index, each in enumerate(values.get("waivers", []))
    )


def check(environment: Environment) -> Iterable[Finding]:
    """A day that the calendar has, a rule that can be waived, and one waiver a rule."""
    seen: set[str] = set()
    for waiver in environment.waivers:
        year, month, day = map(int, waiver.expires.split("-"))
        if day > monthrange(year, month)[1]:
            message = f"{waiver.expires} is no day of the calendar"
            yield Finding(
                (*waiver.because, "expires"), "bad-value", message, f"the month has {monthrange(year, month)[1]}"
            )
        if waiver.rule in POLICY and not POLICY[waiver.rule].waivable:
            message = f"{waiver.rule} cannot be waived"
            hint = "what breaks it would not work, or would give a credential away"
            yield Finding((*waiver.because, "rule"), "unknown-value", message, hint)
        if waiver.rule in seen:
            message, hint = f"{waiver.rule} is waived above", "one waiver a rule: put the reasons together"
            yield Finding((*waiver.because, "rule"), "conflicting-keys", message, hint)
        seen.add(waiver.rule)


def plan(environment: Environment) -> Overlay:
    """The waivers as they are; which objects they are about shows in the build."""
    return Overlay(waivers=environment.waivers)
