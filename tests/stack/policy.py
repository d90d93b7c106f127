"""The NetworkPolicies of a build as rules of nftables, read anew from what Kubernetes says of them.

A pod that a policy selects for a direction may do there what some such policy allows, and nothing else. Rules see addresses
after those of Services are translated, as most network plug-ins do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .network import DNS
from .pod import Pod
from .probe import number
from .spec import Objects, Spec

NAME = "kubernetes.io/metadata.name"


def chains(objects: Objects, pods: Sequence[Pod], guests: Sequence[Pod]) -> list[str]:
    """The chain `allowed`, which every new connection passes, and a chain for each pod and direction that is closed."""
    first, others = [], []
    for index, pod in enumerate(pods):
        for direction, side in (("Egress", "saddr"), ("Ingress", "daddr")):
            chosen = [
                policy for policy in _policies(objects, direction) if _selected(policy["podSelector"], pod.labels)
            ]
            if chosen:
                chain = f"{direction.lower()}{index}"
                first.append(f"ip {side} {pod.link.address} jump {chain}")
                inner = [rule for policy in chosen for rule in _rules(policy, direction, pod, [*pods, *guests])]
                others += [f"chain {chain} {{", *inner, "drop", "}"]
    # A chain has to stand before those that jump to it.
    return [*others, "chain allowed {", *first, "}"]


def _policies(objects: Objects, direction: str) -> Iterator[Spec]:
    for document in objects.all("NetworkPolicy"):
        spec: Spec = document["spec"]
        given = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        if direction in given:
            yield spec


def _selected(selector: Spec, labels: dict[str, str]) -> bool:
    wanted = (selector.get("matchLabels") or {}).items() <= labels.items()
    return wanted and all(_holds(each, labels) for each in selector.get("matchExpressions") or [])


def _holds(expression: Spec, labels: dict[str, str]) -> bool:
    value = labels.get(expression["key"])
    there, named = value is not None, value in (expression.get("values") or [])
    return {"In": named, "NotIn": not named, "Exists": there, "DoesNotExist": not there}[expression["operator"]]


def _rules(policy: Spec, direction: str, pod: Pod, all_pods: Sequence[Pod]) -> Iterator[str]:
    key, peers, side = ("egress", "to", "daddr") if direction == "Egress" else ("ingress", "from", "saddr")
    for rule in policy.get(key) or []:
        given = rule.get(peers)
        places = [place for peer in given for place in _places(peer, pod, all_pods, side)] if given else [("", None)]
        for place, other in places:
            target = other if direction == "Egress" else pod
            for port in rule.get("ports") or [{}]:
                matched = _port(port, target)
                if matched is not None:
                    yield f"{place} {matched} return".strip()


def _places(peer: Spec, pod: Pod, all_pods: Sequence[Pod], side: str) -> Iterator[tuple[str, Pod | None]]:
    if "ipBlock" in peer:
        block: dict[str, Any] = peer["ipBlock"]
        if ":" not in block["cidr"]:
            outside = "".join(f" ip {side} != {each}" for each in block.get("except") or [])
            yield f"ip {side} {block['cidr']}{outside}", None
        return
    for other in all_pods:
        if _in_namespace(peer, other, pod) and _selected(peer.get("podSelector") or {}, other.labels):
            yield f"ip {side} {other.link.address}", other
    if "namespaceSelector" in peer and _selected(peer["namespaceSelector"], {NAME: "kube-system"}):
        yield f"ip {side} {DNS}", None


def _in_namespace(peer: Spec, other: Pod, pod: Pod) -> bool:
    namespace = other.objects.namespace
    if "namespaceSelector" not in peer:
        return namespace == pod.objects.namespace
    return _selected(peer["namespaceSelector"], {NAME: namespace})


def _port(port: Spec, target: Pod | None) -> str | None:
    """The match for a port; None where the other side has no port of that name."""
    if "port" not in port:
        return ""
    try:
        value = port["port"] if isinstance(port["port"], int) else number(port["port"], target.ports if target else {})
    except StopIteration:
        return None
    end = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{port.get('protocol', 'TCP').lower()} dport {value}{end}"
