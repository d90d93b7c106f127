"""Values that a fragment of a JSON Schema admits, for hypothesis to draw."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator

from compiler.part import Schema

CONDITIONS = {"allOf", "minProperties", "maxProperties"}
LONGEST = 3
"""The most items of a list, and the most entries of a mapping with names of its own."""


def values_of(schema: Schema) -> st.SearchStrategy[Any]:
    """Draws what a fragment of the schema admits."""
    drawn = _values_of(schema)
    known = [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]
    if known and schema.get("type") != "object":
        drawn = st.one_of(drawn, drawn, st.sampled_from(known))
    return drawn.filter(Draft7Validator(schema).is_valid) if CONDITIONS & schema.keys() else drawn


def _values_of(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = schema["minimum"], schema["maximum"]
            return st.one_of(st.integers(least, most), st.integers(least, min(least + 3, most)), st.just(most))
        case "string":
            return st.from_regex(schema["pattern"]).filter(Draft7Validator(schema).is_valid)
        case "array":
            most = min(schema.get("maxItems", LONGEST), LONGEST)
            unique = repr if schema.get("uniqueItems") else None
            return st.lists(
                values_of(schema["items"]), min_size=schema.get("minItems", 0), max_size=most, unique_by=unique
            )
        case _:
            return _mappings(schema)


def _mappings(schema: Schema) -> st.SearchStrategy[Any]:
    fields, required = schema.get("properties"), schema.get("required", ())
    if fields is None:
        names = schema.get("propertyNames", {"pattern": "^[a-z]{1,9}$"})
        keys = values_of({"type": "string", **names})
        return st.dictionaries(keys, values_of(schema["additionalProperties"]), max_size=LONGEST)
    drawn = {key: values_of(inner) for key, inner in fields.items()}
    return st.fixed_dictionaries(
        {key: drawn[key] for key in required}, optional={key: drawn[key] for key in drawn if key not in required}
    )
