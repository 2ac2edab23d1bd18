"""The structs of the audit and the published schema say the same: every field, every word, what may be null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from t3lens.commands.audit import command
from t3lens.document.audit import audit_schema
from t3lens.document.model import AuditDocument, FailOn
from t3lens.document.records import RecordEntry, RecordEvidenceEntry, RecordTurnEntry, records_schema

SCHEMA = audit_schema()


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed; what stands beside the reference is words for people."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def words(kind: inspect.Type) -> set[Any] | None:
    if isinstance(kind, inspect.EnumType):
        return {member.value for member in kind.cls}
    return set(kind.values) if isinstance(kind, inspect.LiteralType) else None


def differences(kind: inspect.Type, schema: dict[str, Any], at: str) -> Iterator[str]:
    """Where a type of the structs and a part of the schema do not say the same."""
    schema = resolved(schema)
    if isinstance(kind, inspect.UnionType):
        yield from of_union(kind, schema, at)
        return
    if "anyOf" in schema:
        yield f"{at}: the schema allows one of several, the struct does not"
        return
    said = words(kind)
    if said is not None:
        allowed = {schema["const"]} if "const" in schema else set(schema.get("enum", ()))
        if said != allowed:
            yield f"{at}: {sorted(map(str, said ^ allowed))} on one side only"
        return
    if "enum" in schema or "const" in schema:
        yield f"{at}: fixed words in the schema only"
        return
    named = {
        inspect.StrType: "string", inspect.IntType: "integer", inspect.BoolType: "boolean",
        inspect.VarTupleType: "array", inspect.TupleType: "array", inspect.StructType: "object",
        inspect.DictType: "object", inspect.FloatType: "number",
    }  # fmt: skip
    if schema.get("type") != named[type(kind)]:
        yield f"{at}: {schema.get('type')} in the schema, {named[type(kind)]} in the struct"
        return
    if isinstance(kind, inspect.StructType):
        yield from of_struct(kind, schema, at)
    elif isinstance(kind, inspect.VarTupleType):
        yield from differences(kind.item_type, schema["items"], f"{at}[]")
    elif isinstance(kind, inspect.TupleType):
        if {schema.get("minItems"), schema.get("maxItems")} != {len(kind.item_types)}:
            yield f"{at}: always {len(kind.item_types)} items, the schema says otherwise"
        for item in kind.item_types:
            yield from differences(item, schema["items"], f"{at}[]")
    elif isinstance(kind, inspect.DictType):
        if not isinstance(kind.key_type, inspect.StrType):
            yield from differences(kind.key_type, schema["propertyNames"], f"{at} keys")
        yield from differences(kind.value_type, schema["additionalProperties"], f"{at}{{}}")


def of_union(kind: inspect.UnionType, schema: dict[str, Any], at: str) -> Iterator[str]:
    rest = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if [type(one) for one in rest] == [inspect.IntType, inspect.FloatType]:
        if schema != {"type": "number"}:
            yield f"{at}: a number in the struct only"
        return
    (one,) = rest
    said = words(one)
    if "anyOf" in schema:
        several = [resolved(part) for part in schema["anyOf"]]
        if {"type": "null"} not in several or len(several) != 2:
            yield f"{at}: null or one thing in the struct, {several} in the schema"
            return
        several.remove({"type": "null"})
        yield from differences(one, several[0], at)
    elif said is not None:
        if set(schema.get("enum", ())) != said | {None}:
            yield f"{at}: other words, or no null, in the schema"
    else:
        kinds = schema.get("type")
        if not isinstance(kinds, list) or "null" not in kinds:
            yield f"{at}: may be null in the struct only"
            return
        (left,) = [name for name in kinds if name != "null"]
        yield from differences(one, {**schema, "type": left}, at)


def of_struct(kind: inspect.StructType, schema: dict[str, Any], at: str) -> Iterator[str]:
    fields = {field.encode_name: field for field in kind.fields}
    listed = schema.get("properties", {})
    for name in fields.keys() ^ listed.keys():
        yield f"{at}.{name}: on one side only"
    for name in schema.get("required", ()):
        if name not in fields or not fields[name].required:
            yield f"{at}.{name}: the schema asks for it, the struct may leave it out"
    for name in fields.keys() & listed.keys():
        field = fields[name]
        type_ = field.type
        left_out = isinstance(type_, inspect.UnionType) and field.default is None
        if left_out and isinstance(type_, inspect.UnionType):
            # absent instead of null: never written as null
            (type_,) = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
        yield from differences(type_, listed[name], f"{at}.{name}")


def test_structs_and_schema_say_the_same() -> None:
    assert list(differences(inspect.type_info(AuditDocument), SCHEMA, "audit")) == []


def test_the_comparison_finds_what_differs() -> None:
    """Were it blind, the test above could not fail."""

    class Home(msgspec.Struct):
        path: str
        verdict: FailOn
        extra: int | None
        gone: int = 0

    schema = {
        "type": "object",
        "required": ["path", "gone"],
        "properties": {
            "path": {"type": "integer"},
            "verdict": {"enum": ["critical", "worse"]},
            "extra": {"type": "integer"},
            "more": {"type": "string"},
        },
    }
    found = {text.partition(":")[0] for text in differences(inspect.type_info(Home), schema, "h")}
    assert found == {"h.path", "h.verdict", "h.extra", "h.more", "h.gone"}


def test_the_command_line_offers_every_threshold() -> None:
    (option,) = [one for one in command.params if one.name == "fail_on"]
    assert list(option.type.choices) == [member.value for member in FailOn]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("struct", "name"), [(RecordEntry, "record"), (RecordTurnEntry, "turn"), (RecordEvidenceEntry, "mark")]
)
def test_the_records_of_agents_have_the_fields_that_their_schema_publishes(struct: type[msgspec.Struct], name: str) -> None:
    assert [*records_schema()["$defs"][name]["properties"]] == [*struct.__struct_fields__]
