"""Affinity as Kubernetes has it: nodes and neighbours of pods, with what the API server demands of them.

https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#affinity-v1-core; the demands are those of `ValidatePodSpec`
of Kubernetes (validateNodeAffinity, validatePodAffinityTerm) and of ValidateLabelSelector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.diagnostic import Finding
from compiler.formats import LABEL, LABEL_VALUE, NAME, QUALIFIED
from compiler.part import Schema, choice, formatted, integer, labelled, object_of
from compiler.route import Route

_OPERATORS = {
    "In": "It is one of the values.",
    "NotIn": "It is none of the values.",
    "Exists": "It is there.",
    "DoesNotExist": "It is not there.",
}
_COMPARED = {"Gt": "It is more than the value.", "Lt": "It is less than the value."}
_NUMBER = {"type": "string", "pattern": r"^[0-9]{1,18}$(?!\n)", "patternErrorMessage": "a whole number, in quotes"}
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def _list(description: str, items: Schema, **more: Any) -> Schema:
    return {"type": "array", "description": description, "items": items, **more}


def _when(operators: tuple[str, ...], then: Schema) -> Schema:
    return {"if": {"properties": {"operator": {"enum": list(operators)}}}, "then": then}


_SOME: Schema = {"required": ["values"], "properties": {"values": {"minItems": 1}}}
_NONE: Schema = {"properties": {"values": {"maxItems": 0}}}
_ONE: Schema = {"required": ["values"], "properties": {"values": {"minItems": 1, "maxItems": 1}}}


def _expressions(description: str, operators: Mapping[str, str]) -> Schema:
    demands = [_when(("In", "NotIn"), _SOME), _when(("Exists", "DoesNotExist"), _NONE)]
    if "Gt" in operators:
        compared = {
            "required": ["values"],
            "properties": {"values": {**_ONE["properties"]["values"], "items": _NUMBER}},
        }
        demands.append(_when(("Gt", "Lt"), compared))
    expression = object_of(
        "A demand.",
        {
            "key": formatted("The label.", QUALIFIED),
            "operator": choice("How its value is compared.", operators),
            "values": _list("The values.", formatted("A value.", LABEL_VALUE, minLength=0)),
        },
        required=["key", "operator"],
        allOf=demands,
    )
    return _list(description, expression)


_FIELD = object_of(
    "A demand.",
    {
        "key": {"type": "string", "description": "The field.", "enum": ["metadata.name"]},
        "operator": choice("How its value is compared.", {name: _OPERATORS[name] for name in ("In", "NotIn")}),
        "values": _list("The name of a node.", formatted("A name.", NAME), minItems=1, maxItems=1),
    },
    required=["key", "operator", "values"],
)
_NODE = object_of(
    "A node, by its labels and its name.",
    {
        "matchExpressions": _expressions("Demands on labels, all of which hold.", {**_OPERATORS, **_COMPARED}),
        "matchFields": _list("Demands on fields, all of which hold.", _FIELD),
    },
)
_SELECTOR = object_of(
    "Pods or namespaces, by labels.",
    {
        "matchLabels": labelled("Labels, all of which are there."),
        "matchExpressions": _expressions("Demands on labels, all of which hold.", _OPERATORS),
    },
)
_KEYS = _list("Labels of the server's own pod whose values are demanded, too.", formatted("A label.", QUALIFIED))
_POD = object_of(
    "Pods, and where they are looked for.",
    {
        "labelSelector": _SELECTOR,
        "topologyKey": formatted("The label of nodes that says what is one place.", QUALIFIED),
        "namespaces": _list("The namespaces of the pods.", formatted("A namespace.", LABEL)),
        "namespaceSelector": _SELECTOR,
        "matchLabelKeys": _KEYS,
        "mismatchLabelKeys": _KEYS | {"description": "Labels of the server's own pod whose values are excluded."},
    },
    # Without a selector it is about no pod at all, which the API server warns about.
    required=["labelSelector", "topologyKey"],
)


def _weighed(description: str, key: str, term: Schema) -> Schema:
    wish = object_of("A wish.", {"weight": integer("How much it counts.", 1, 100), key: term}, required=["weight", key])
    return _list(description, wish)


_TERMS = object_of(
    "Nodes, of which one has to fit.",
    {"nodeSelectorTerms": _list("The nodes.", _NODE, minItems=1)},
    required=["nodeSelectorTerms"],
)


def _pods(description: str) -> Schema:
    return object_of(
        description,
        {
            REQUIRED: _list("What is demanded when a pod starts.", _POD),
            PREFERRED: _weighed("What is wished when a pod starts.", "podAffinityTerm", _POD),
        },
    )


KEY = object_of(
    "Nodes and neighbours of the server's pods, as Kubernetes has it.",
    {
        "nodeAffinity": object_of(
            "Rules about nodes.",
            {REQUIRED: _TERMS, PREFERRED: _weighed("What is wished when a pod starts.", "preference", _NODE)},
        ),
        "podAffinity": _pods("Pods to be near to."),
        "podAntiAffinity": _pods("Pods to be far from."),
    },
)


def findings(affinity: Mapping[str, Any], above: Route) -> Iterator[Finding]:
    """Labels of a pod that are demanded twice. In: an affinity that the schema accepts, and its route."""
    for near in ("podAffinity", "podAntiAffinity"):
        for index, term in enumerate(affinity.get(near, {}).get(REQUIRED, ())):
            yield from _twice(term, (*above, near, REQUIRED, index))
        for index, wish in enumerate(affinity.get(near, {}).get(PREFERRED, ())):
            yield from _twice(wish["podAffinityTerm"], (*above, near, PREFERRED, index, "podAffinityTerm"))


def _twice(term: Mapping[str, Any], route: Route) -> Iterator[Finding]:
    selector = term.get("labelSelector", {})
    known = {*selector.get("matchLabels", {}), *(each["key"] for each in selector.get("matchExpressions", ()))}
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        for index, key in enumerate(term.get(field, ())):
            if key in known:
                message = f"the label {key} is demanded twice"
                yield Finding((*route, field, index), "bad-value", message, "name it once")
            known.add(key)
