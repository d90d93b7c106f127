"""The production checklist, as checks of a build: each passes, fails, is waived, or is left to a person with a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from compiler.audit import access, running, store
from compiler.audit.verdict import Built, State, Verdict
from compiler.manifest import Manifest
from compiler.overlay import Overlay, Waiver
from compiler.policy import CHECKLIST

__all__ = ["AUDIT", "Result", "State", "Verdict", "audit"]

Check = Callable[[Built], Verdict]

AUDIT: dict[str, Check] = {
    "access-keys": store.access_keys,
    "audit-log": access.audit_log,
    "backups": running.backups,
    "bucket-access": store.bucket_access,
    "bucket-deletion": store.bucket_deletion,
    "bucket-encryption": store.bucket_encryption,
    "bucket-lifecycle": store.bucket_lifecycle,
    "bucket-logging": store.bucket_logging,
    "bucket-versioning": store.bucket_versioning,
    "database-encryption": access.database_encryption,
    "database-password": access.database_password,
    "host-names": access.host_names,
    "login": access.login,
    "maintained-store": store.maintained_store,
    "network-policies": access.network_policies,
    "pinned-images": running.pinned_images,
    "rights": access.rights,
    "rotation": access.rotation,
    "several-replicas": running.several_replicas,
    "store-of-secrets": access.store_of_secrets,
    "traffic-encryption": access.traffic_encryption,
}
"""Every check, under the name that a waiver uses."""


@dataclass(frozen=True)
class Result:
    """What came of one check."""

    name: str
    demand: str
    verdict: Verdict


def audit(overlay: Overlay, manifests: Sequence[Manifest]) -> list[Result]:
    """What came of every check, the worst first. In: an overlay, and its build."""
    built = Built(overlay, tuple(manifests))
    waivers = {waiver.rule: waiver for waiver in overlay.waivers if waiver.expires}
    results = [Result(name, CHECKLIST[name], _waived(check(built), waivers.get(name))) for name, check in AUDIT.items()]
    return sorted(results, key=lambda result: list(State).index(result.verdict.state))


def _waived(verdict: Verdict, waiver: Waiver | None) -> Verdict:
    """A verdict as the environment sees it."""
    if waiver is None:
        return verdict
    if verdict.state is State.PASSED:
        return replace(verdict, todo="remove the waiver: there is nothing to waive", because=waiver.because)
    reason = f"{waiver.reason} (until {waiver.expires}); {verdict.reason}"
    return Verdict(State.WAIVED, reason, verdict.todo, waiver.because)
