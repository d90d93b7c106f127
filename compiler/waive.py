"""Which breaches of the policy are waived, by the base or by the environment, and how an overlay tells the tools so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from compiler.diagnostic import Finding, Severity
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.policy import POLICY, marks, standing

if TYPE_CHECKING:
    from compiler.manifest import Fault, Manifest


def expired(waivers: Sequence[Waiver], today: str) -> Iterator[Finding]:
    """Every waiver whose last day is over. In: the day as YYYY-MM-DD, or nothing where no waiver has expired."""
    for waiver in waivers:
        if waiver.expires < today:
            message = f"the waiver of {waiver.rule} ended on {waiver.expires}"
            hint = "mend what it waives and remove it, or give it a later day, and a reason that still holds"
            yield Finding((*waiver.because, "expires"), "expired-waiver", message, hint)


def unwaived(overlay: Overlay, manifests: Sequence[Manifest], faults: Sequence[Fault]) -> list[Fault]:
    """The faults that nothing waives. In: an overlay, its build, and every fault of it."""
    ours = standing_of(overlay, manifests)
    rules = {waiver.rule for waiver in overlay.waivers}
    return [fault for fault in faults if not (fault.code in ours.get(fault.ref, ()) or fault.code in rules)]


def idle(overlay: Overlay, manifests: Sequence[Manifest], faults: Sequence[Fault]) -> list[Finding]:
    """The waivers of an environment that waive nothing which is not waived anyway."""
    ours = standing_of(overlay, manifests)
    needed = {fault.code for fault in faults if fault.code not in ours.get(fault.ref, ())}
    return [
        Finding(
            waiver.because,
            "idle-waiver",
            f"nothing breaks {waiver.rule}, so there is nothing to waive",
            "remove it: it would hide what breaks the rule later",
            Severity.WARNING,
        )
        for waiver in overlay.waivers
        if waiver.expires and waiver.rule in POLICY and waiver.rule not in needed
    ]


def annotated(overlay: Overlay, manifests: Sequence[Manifest], faults: Sequence[Fault]) -> Overlay:
    """An overlay that tells the tools what is waived, on each object that breaks a rule. In: its build under the base's names."""
    ours = standing_of(overlay, manifests)
    changes: list[Change] = []
    own: list[Change] = []
    for manifest in manifests:
        broken = {fault.code for fault in faults if fault.ref == manifest.ref} - set(ours.get(manifest.ref, ()))
        (changes if _of_base(manifest) else own).extend(_annotations(overlay.waivers, manifest, broken))
    return replace(overlay, changes=(*overlay.changes, *changes), own=(*overlay.own, *own))


def _annotations(waivers: Sequence[Waiver], manifest: Manifest, broken: set[str]) -> Iterator[Change]:
    mine = {waiver.rule: waiver for waiver in waivers if waiver.rule in broken and POLICY[waiver.rule].waivable}
    if not mine:
        return
    there = dict((manifest.data.get("metadata") or {}).get("annotations") or {})
    first = next(iter(mine.values()))
    for key, value in marks({rule: waiver.reason for rule, waiver in mine.items()}, there).items():
        yield Change(manifest.ref, ("metadata", "annotations", key), value, first.because, f"{', '.join(mine)} waived")


def standing_of(overlay: Overlay, manifests: Sequence[Manifest]) -> dict[Ref, dict[str, str]]:
    """What the base waives itself, for each object of a build that comes from it."""
    in_base = {Ref(ref.api_version, ref.kind, name): ref for ref, name in overlay.names.items()}
    return {each.ref: standing(in_base.get(each.ref, each.ref)) for each in manifests if _of_base(each)}


def _of_base(manifest: Manifest) -> bool:
    return manifest.origin.startswith("base/")
