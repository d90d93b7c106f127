"""What must hold of a whole build. Each rule is a function from overlay and manifests to faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.rules import changes, jobs, leaks, names, order, pods, references

Rule = Callable[[Overlay, Sequence[Manifest], Sequence[str]], list[Fault]]

RULES: dict[str, Rule] = {
    "every change of the overlay is in the build": changes.hit,
    "every image of the overlay is in the build": changes.images,
    "no placeholder of the base survives": changes.placeholders,
    "every reference between objects resolves": references.resolve,
    "selectors pick pods, and ports exist": names.pick,
    "a volume is written before it is read": order.written_first,
    "no secret value stands outside a Secret": leaks.leaks,
    "every image is pinned": pods.pinned,
    "pods keep to Pod Security restricted": pods.restricted,
    "a Job is named for its content": jobs.named,
}
"""Every rule, under the sentence that it proves."""


def faults(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Everything that breaks a rule. In: the overlay, its build, and the values that were made up as secrets for it."""
    return [fault for rule in RULES.values() for fault in rule(overlay, manifests, made_up)]
