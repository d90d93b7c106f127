"""An environment beside what a cluster has of it, and what the API server itself says of the change.

What the server filled in is no difference: an object of the cluster counts as far as the build sets it, or as far as it was
applied before, which `kubectl apply` leaves in an annotation, and the server in `managedFields` with --server-side
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from compiler.change import Consequence, Outcome
from compiler.change.owner import HINT, foreign
from compiler.change.pair import lasting, namespace
from compiler.compare import MADE_UP, Comparison, Side, Told, compared
from compiler.errors import Missing
from compiler.manifest import Manifest, strings
from compiler.overlay import Ref
from compiler.quantity import number
from compiler.workspace import different

if TYPE_CHECKING:
    from compiler.cluster import Cluster
    from compiler.understand import Compilation
    from compiler.workspace import Workspace

_OURS = "app.kubernetes.io/part-of=mlflow"
_KINDS = (
    "ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Deployment", "StatefulSet", "Job", "CronJob",
    "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Ingress",
)  # fmt: skip
"""Kinds of what an overlay may have left in a namespace."""
_BY_CONTENT = ("ConfigMap", "Job")
_AMOUNTS = ("limits", "requests", "sizeLimit", "divisor")
"""Keys of amounts, which the server writes in its own way: 1024Mi as 1Gi."""
_LAST = "kubectl.kubernetes.io/last-applied-configuration"


def with_cluster(workspace: Workspace, compilation: Compilation, cluster: Cluster) -> Comparison:
    """An environment, compiled, beside what a cluster has of it. Changes nothing there.

    Raises `Missing` where the cluster cannot be reached, and what `Cluster.must` raises where it does not let itself be read.
    """
    ours = {_key(manifest): manifest for manifest in compilation.manifests}
    found = tuple(_current(_there(cluster, compilation.manifests), ours.keys()))
    generated = {secret.name for secret in compilation.overlay.generated_secrets()} if compilation.overlay else set()
    before = tuple(_as_set(each, ours.get(_key(each)), generated) for each in found)
    comparison = compared(workspace, compilation, Side(f"the cluster of context {cluster.context}", before))
    comparison = _more(comparison, [*_foreign(found, compilation), *_values(workspace, compilation, cluster, found)])
    spaces = {each.ref.name for each in found if each.ref.kind == "Namespace"}
    made = {each.ref.name for each in compilation.manifests if each.ref.kind == "Namespace"}
    if not made <= spaces:
        # A dry run makes no namespace, so that the server could only say that there is none.
        return comparison
    return _answered(comparison, _refused(cluster, compilation.manifests))


def _more(comparison: Comparison, found: Sequence[Consequence]) -> Comparison:
    """A comparison with further consequences, the worst first."""
    order = list(Outcome)
    told = [*(Told(each, ()) for each in found), *comparison.told]
    return replace(comparison, told=tuple(sorted(told, key=lambda each: order.index(each.consequence.outcome))))


def _foreign(found: Sequence[Manifest], compilation: Compilation) -> Iterator[Consequence]:
    for each in foreign((manifest.data for manifest in found), compilation.manifests):
        yield Consequence(Outcome.BROKEN, each.ref, each.message, HINT)


def _values(
    workspace: Workspace, compilation: Compilation, cluster: Cluster, found: Sequence[Manifest]
) -> Iterator[Consequence]:
    """Generated Secrets whose files are not here, or have other values than the cluster. No value is in a message."""
    live = {each.ref.name: each for each in found if each.ref.kind == "Secret"}
    fetch = f"mlflow-overlays secrets {compilation.name} --context {cluster.context}"
    for secret in compilation.overlay.generated_secrets() if compilation.overlay else ():
        there = live.get(secret.name)
        if there is None:
            continue
        file, values = (
            workspace.secret_file(compilation.name, secret),
            workspace.secret_values(compilation.name, secret),
        )
        if values is None:
            message = f"is in the cluster, and {file} is not here: the overlay cannot be applied without it"
            yield Consequence(Outcome.BROKEN, there.ref, message, f"fetch its values from the cluster: {fetch}")
            continue
        for key in different(values, there.data.get("data") or {}):
            message = (
                f"the value of key {key} differs from that in {file}: applying replaces it; a volume keeps the old one"
            )
            hint = f"unless it is meant to change, as docs/secrets.md says: move {file} away, and {fetch}"
            yield Consequence(Outcome.BROKEN, there.ref, message, hint)


def _there(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Manifest]:
    """What a cluster has of a build, and what it has of builds before it."""
    seen = set()
    spaces = {namespace(each) for each in manifests} - {""}
    for kind in dict.fromkeys((*_KINDS, *(_kind(each) for each in manifests if namespace(each)))):
        for space in sorted(spaces):
            for data in _read(cluster, kind, f"--namespace={space}", f"--selector={_OURS}"):
                manifest = Manifest(data)
                seen.add(_key(manifest))
                yield manifest
    for each in manifests:
        if _key(each) not in seen:
            inside = [f"--namespace={namespace(each)}"] if namespace(each) else []
            yield from map(Manifest, _read(cluster, _kind(each), each.ref.name, *inside))


def _read(cluster: Cluster, kind: str, *arguments: str) -> list[dict[str, Any]]:
    answer = cluster.run("get", kind, *arguments, "--output=json", "--show-managed-fields", "--ignore-not-found")
    if answer.code and "the server doesn't have a resource type" in answer.err:
        return []
    if answer.code:
        raise cluster.failure(answer)
    data = json.loads(answer.out) if answer.out.strip() else {"items": []}
    return list(data["items"]) if "items" in data else [data]


def _kind(manifest: Manifest) -> str:
    """A kind as kubectl finds it without doubt."""
    group = manifest.ref.api_version.rpartition("/")[0]
    return f"{manifest.ref.kind}.{group}" if group and manifest.ref.kind not in _KINDS else manifest.ref.kind


def _key(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.ref.kind, namespace(manifest), manifest.ref.name


def _current(found: Iterator[Manifest], wanted: AbstractSet[tuple[str, ...]]) -> Iterator[Manifest]:
    """What is in use: of Jobs that are named for their content the one that is wanted or else the newest, and of such ConfigMaps
    what something in use reads.
    """
    objects = list(found)
    newest: dict[str, Manifest] = {}
    for each in sorted(
        objects, key=lambda each: (_key(each) in wanted, each.data["metadata"].get("creationTimestamp", ""))
    ):
        if each.ref.kind == "Job":
            newest[lasting(each)] = each
    used = [each for each in objects if each.ref.kind not in _BY_CONTENT] + list(newest.values())
    words = {text for each in used for _, text in strings(each.spec)}
    yield from used
    yield from (
        each
        for each in objects
        if each.ref.kind == "ConfigMap" and (each.ref.name in words or lasting(each) == each.ref.name)
    )


def _as_set(live: Manifest, ours: Manifest | None, generated: set[str]) -> Manifest:
    """An object of a cluster as far as somebody set it: this build, or an apply before."""
    data = {key: value for key, value in live.data.items() if key not in ("metadata", "status")}
    metadata = live.data["metadata"]
    # Of client-side apply the server keeps no such list: it owns what the server filled in too. It leaves what it applied.
    last = (metadata.get("annotations") or {}).get(_LAST)
    applied: dict[str, Any] = _within(live.data, json.loads(last)) if last else {}
    for entry in metadata.get("managedFields") or []:
        if entry.get("operation") == "Apply":
            applied = _union(live.data, applied, _owned(live.data, entry.get("fieldsV1") or {}))
    wanted = ours.data if ours else {}
    kept = _union({**data, "metadata": metadata}, _within(live.data, wanted), applied)
    names = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    kept = {
        **kept,
        "apiVersion": data["apiVersion"],
        "kind": data["kind"],
        "metadata": {**kept.get("metadata", {}), **names},
    }
    kept.pop("status", None)
    (kept["metadata"].get("annotations") or {}).pop(_LAST, None)
    if kept["metadata"].get("annotations") == {}:
        del kept["metadata"]["annotations"]
    if live.ref.kind == "Secret" and live.ref.name in generated:
        kept["data"] = dict.fromkeys(data.get("data") or {}, MADE_UP)
    return Manifest(_settled(kept, wanted))


def _within(live: Any, wanted: Any) -> Any:
    """What a live value has of what is wanted."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {key: _within(live[key], value) for key, value in wanted.items() if key in live}
    if isinstance(live, list) and isinstance(wanted, list):
        mine, theirs = _by_name(wanted), _by_name(live)
        if mine is not None and theirs is not None:
            return [_within(each, mine[name]) for name, each in theirs.items() if name in mine]
        if len(live) == len(wanted):
            return [_within(one, other) for one, other in zip(live, wanted, strict=True)]
    return live


def _owned(live: Any, fields: Mapping[str, Any]) -> Any:
    """What a live value has of the fields of a manager, as `fieldsV1` writes them: f: keys, k: items by their keys, v: values."""
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        return live
    if isinstance(live, dict):
        return {
            key[2:]: _owned(live[key[2:]], each) for key, each in inner.items() if key[:2] == "f:" and key[2:] in live
        }
    found = []
    for item in live if isinstance(live, list) else []:
        for key, each in inner.items():
            if key[:2] == "v:" and item == json.loads(key[2:]):
                found.append(item)
            if key[:2] == "k:" and isinstance(item, dict) and json.loads(key[2:]).items() <= item.items():
                found.append(_owned(item, each))
    return found


def _union(live: Any, one: Any, other: Any) -> Any:
    """Two parts of a live value, put together."""
    if isinstance(one, dict) and isinstance(other, dict) and isinstance(live, dict):
        return {
            key: _union(value, one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
            for key, value in live.items()
            if key in one or key in other
        }
    if isinstance(one, list) and isinstance(other, list) and isinstance(live, list):
        firsts, seconds, all_ = _by_name(one), _by_name(other), _by_name(live)
        if firsts is None or seconds is None or all_ is None:
            return max(one, other, key=len)
        return list(_union(all_, firsts, seconds).values())
    return one


def _settled(live: Any, wanted: Any, *, amount: bool = False) -> Any:
    """A live value with what the server only writes otherwise written as it is wanted: amounts, and what is empty left out."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        empty = {key: value for key, value in wanted.items() if key not in live and not value}
        there = {key: _settled(value, wanted.get(key), amount=amount or key in _AMOUNTS) for key, value in live.items()}
        return {**there, **empty}
    if isinstance(live, list) and isinstance(wanted, list):
        mine, theirs = _by_name(wanted), _by_name(live)
        if mine is not None and theirs is not None:
            return [_settled(each, mine.get(name)) for name, each in theirs.items()]
        if len(live) == len(wanted):
            return [_settled(one, other) for one, other in zip(live, wanted, strict=True)]
        return live
    return wanted if amount and wanted is not None and number(live) == number(wanted) else live


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """The items of a list by their names, where each has one of its own."""
    found = {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}
    return found if len(found) == len(items) else None


def _refused(cluster: Cluster, manifests: Sequence[Manifest]) -> dict[Ref, str]:
    """What the API server would not accept, in its own words, which for a Secret are kept back."""
    whole = cluster.apply([each.data for each in manifests], "--dry-run=server")
    if whole.code == 0:
        return {}
    found = {}
    for each in manifests:
        answer = cluster.apply([each.data], "--dry-run=server")
        if answer.code:
            if isinstance(failure := cluster.failure(answer), Missing):
                raise failure
            found[each.ref] = "it does not accept the Secret" if each.ref.kind == "Secret" else answer.words
    return found


def _answered(comparison: Comparison, answers: Mapping[Ref, str]) -> Comparison:
    """A comparison in which what is refused is what the server refuses."""
    expected = {each.consequence.ref for each in comparison.told if each.consequence.outcome is Outcome.REFUSED}
    kept = [
        each
        for each in comparison.told
        if each.consequence.outcome is not Outcome.REFUSED or each.consequence.ref in answers
    ]
    more = [
        Told(Consequence(Outcome.REFUSED, ref, words, "it answers so to a dry run"), ())
        for ref, words in answers.items()
        if ref not in expected
    ]
    return replace(comparison, told=(*more, *kept))
