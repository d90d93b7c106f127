"""What a new overlay no longer has, and `kubectl apply` therefore leaves in the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostic import Severity
from compiler.manifest import Fault, Manifest, strings
from compiler.overlay import Ref

_REPLACED = ("ConfigMap", "Job")
"""Kinds whose names change with their content, so that old ones are left behind as a matter of course and do nothing."""
_FIELDS: dict[str, set[str]] = {
    "Secret": set(),
    "ServiceAccount": {"serviceAccountName", "subjects", "serviceAccount"},
    "PersistentVolumeClaim": {"claimName", "dataSource", "dataSourceRef"},
    "Service": {"service", "serviceName", "backendRefs"},
    "Role": {"roleRef"},
    "Issuer": {"issuerRef", "cert-manager.io/issuer"},
}
"""By which fields objects refer to one of a kind; by any where none are named."""


def left_behind(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Fault]:
    """What of the build before a new one has no more: one fault for each kind and namespace. In: both builds."""
    spaces = {_namespace(manifest) for manifest in after}
    there = {(manifest.ref, _namespace(manifest)) for manifest in after}
    gone: dict[tuple[str, str], list[Ref]] = {}
    used: dict[tuple[str, str], list[Ref]] = {}
    for manifest in before:
        ref, namespace = manifest.ref, _namespace(manifest)
        if (
            ref.kind not in _REPLACED
            and (ref, namespace) not in there
            and namespace in spaces
            and not (ref.kind == "Namespace" and ref.name in spaces)
        ):
            kept = namespace and needed(ref.kind, ref.name, namespace, after)
            (used if kept else gone).setdefault((ref.kind, namespace), []).append(ref)
    return [
        *(_fault(refs, namespace) for (_, namespace), refs in gone.items()),
        *(_kept(refs) for refs in used.values()),
    ]


def needed(kind: str, name: str, namespace: str, manifests: Sequence[Manifest]) -> bool:
    """Whether objects of a build still refer to one of a namespace that the build does not have, in any way that there is.

    A Secret counts as soon as its name is anywhere: too many custom resources and annotations take one.
    """
    fields = _FIELDS.get(kind)
    if fields is None:
        return False
    for manifest in manifests:
        if _namespace(manifest) != namespace:
            continue
        for route, text in strings(manifest.data):
            if route[:1] == ("metadata",) and "annotations" not in route:
                continue
            if name in (text, text.rpartition("/")[2]) and (not fields or fields & {*map(str, route)}):
                return True
    return False


def _kept(refs: Sequence[Ref]) -> Fault:
    names, kind = " ".join(ref.name for ref in refs), refs[0].kind
    message = f"the overlay no longer has {names}, and still refers to it; kubectl apply leaves it as it is"
    hint = "keep it: what the overlay has now does not start without it"
    return Fault(Ref(refs[0].api_version, kind, ""), (), "left-behind", message, hint, (), Severity.WARNING)


def _namespace(manifest: Manifest) -> str:
    return str((manifest.data.get("metadata") or {}).get("namespace", ""))


def _fault(refs: Sequence[Ref], namespace: str) -> Fault:
    names, kind = " ".join(ref.name for ref in refs), refs[0].kind
    where = f" -n {namespace}" if namespace else ""
    after = {
        "StatefulSet": "; its volume stays",
        "Namespace": ", which loses everything in it, volumes too: move the data first",
    }.get(kind, "")
    message = f"the overlay no longer has {names}, and kubectl apply leaves what it does not have"
    hint = f"after applying: kubectl delete {kind.lower()} {names}{where}{after}"
    return Fault(Ref(refs[0].api_version, kind, ""), (), "left-behind", message, hint, (), Severity.WARNING)
