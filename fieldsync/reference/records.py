"""The shapes of an exchange that depend on the kind: queued edits, records and changes. Made from the same declarations
that parse and store them."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from fieldsync.database import Base
from fieldsync.journal.edits import REFUSALS, Verdict
from fieldsync.journal.models import EXIT_REASONS
from fieldsync.journal.prepare import ACTIONS
from fieldsync.sync.queries import FEED_KINDS
from fieldsync.workorders.completion import Missing, RequiredOnCompletion
from fieldsync.workorders.kinds import KINDS
from fieldsync.workorders.models import ASSIGNMENT_STATES, PLACED_BY, RELEASED_BECAUSE, TRIAGE
from fieldsync.workorders.queries import HIDDEN
from fieldsync.workorders.rules import Status

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"

ENUMS: dict[tuple[str, str], list[str]] = {
    ("work_order", "status"): [str(status) for status in Status],
    ("work_order", "placed_by"): list(PLACED_BY),
    ("work_order", "triage"): list(TRIAGE),
    ("assignment", "state"): list(ASSIGNMENT_STATES),
    ("assignment", "released_because"): list(RELEASED_BECAUSE),
}
SHAPES = {("service_type", "required_on_completion"): RequiredOnCompletion.__name__}
"""Columns that hold a document, with the name of its shape."""


def complete_exchange(schemas: Schema) -> None:
    """Put into the document's ``schemas`` what a kind decides, and refer to it from the shapes of the exchange."""
    if "QueuedEdit" not in schemas:
        return
    envelope = schemas["QueuedEdit"]
    _, fields = msgspec.json.schema_components([kind.fields for kind in KINDS.values()], ref_template=REF)
    schemas.update(fields)
    variants = {}
    for name, kind in KINDS.items():
        title = camel(name)
        variants[name] = f"Queued{title}Edit"
        schemas[variants[name]] = _queued(envelope, name, kind.fields.__name__)
        schemas[f"{title}Record"] = record(name)
    schemas["QueuedEdit"] = {
        "description": envelope.get("description", ""),
        "oneOf": [ref(variant) for variant in variants.values()],
        "discriminator": _discriminator(variants),
    }
    for name in FEED_KINDS:
        if name != "gone":
            schemas.setdefault(f"{camel(name)}Record", record(name))
            schemas[f"{camel(name)}Change"] = _change(name)
    schemas["Gone"] = _gone()
    changes = [ref(f"{camel(name)}Change") for name in FEED_KINDS if name != "gone"]
    schemas["Change"] = {"description": "One change of the feed.", "oneOf": [*changes, ref("Gone")]}
    schemas["Answer"]["properties"]["changes"] = {
        "type": "array",
        "items": ref("Change"),
        "description": "The records of the crew's scope that changed after the cursor, in the order of their change.",
    }
    _name_values(schemas)


def camel(name: str) -> str:
    """``work_order`` as ``WorkOrder``."""
    return "".join(word.capitalize() for word in name.split("_"))


def ref(name: str) -> Schema:
    """A reference to a named schema."""
    return {"$ref": REF.format(name=name)}


def _discriminator(variants: dict[str, str]) -> Schema:
    mapping = {name: REF.format(name=variant) for name, variant in variants.items()}
    return {"propertyName": "kind", "mapping": mapping}


def _queued(envelope: Schema, name: str, fields: str) -> Schema:
    """The envelope of an edit of one kind. What a server refuses for one edit alone is documented, not required."""
    actions = [a for a in ACTIONS if a == "create" or (a != "restore" and not KINDS[name].appends_only)]
    actions = [a for a in actions if a != "delete" or "crew" in KINDS[name].deletable_by]
    own = {"kind": {"const": name}, "action": {"enum": actions}, "fields": ref(fields)}
    return envelope | {
        "title": f"Queued{camel(name)}Edit",
        "description": f"An edit of a {name.replace('_', ' ')}.",
        "properties": envelope["properties"] | own,
    }


def record(name: str) -> Schema:
    """The JSON Schema of a record of this kind, as tablets and the office read it."""
    table = Base.metadata.tables[name]
    properties = {column.name: _column(name, column) for column in table.c if column.name not in HIDDEN}
    if name == "work_order":
        properties["location"] = ref("Location")
    return {"type": "object", "properties": properties, "required": list(properties)}


_TYPES: list[tuple[type[sa.types.TypeEngine[Any]], Schema]] = [
    (sa.Uuid, {"type": "string", "format": "uuid"}),
    (sa.DateTime, {"type": "string", "format": "date-time"}),
    (sa.Boolean, {"type": "boolean"}),
    (sa.Integer, {"type": "integer"}),
    (sa.Float, {"type": "number"}),
    (postgresql.JSONB, {"type": "object"}),
    (postgresql.ARRAY, {"type": "array", "items": {"type": "string"}}),
    (sa.String, {"type": "string"}),
]


def _column(table: str, column: sa.Column[Any]) -> Schema:
    if choices := ENUMS.get((table, column.name)):
        return {"enum": [*choices, None]} if column.nullable else {"type": "string", "enum": choices}
    if shape := SHAPES.get((table, column.name)):
        return ref(shape)
    schema = next(schema for kind, schema in _TYPES if isinstance(column.type, kind))
    return schema | {"type": [schema["type"], "null"]} if column.nullable else dict(schema)


def _change(name: str) -> Schema:
    version = {"type": "integer", "description": "Counts the edits that changed the record."}
    properties = {
        "kind": {"const": name},
        "id": {"type": "string", "format": "uuid"},
        "version": version,
        "record": ref(f"{camel(name)}Record"),
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _gone() -> Schema:
    properties = {
        "kind": {"type": "string", "enum": list(KINDS)},
        "id": {"type": "string", "format": "uuid"},
        "gone": {"type": "string", "enum": list(EXIT_REASONS)},
    }
    return {
        "type": "object",
        "description": "A record that has left the crew's scope. With a work order goes all that is recorded on it.",
        "properties": properties,
        "required": list(properties),
    }


def _name_values(schemas: Schema) -> None:
    """Say which values the plain strings of verdicts can have."""
    final = [str(verdict) for verdict in Verdict if verdict is not Verdict.REPEATED]
    for shape, verdicts in (("EditVerdict", [str(verdict) for verdict in Verdict]), ("Recorded", final),
                            ("EditRead", final)):  # fmt: skip
        if shape in schemas:
            schemas[shape]["properties"]["verdict"] = {"type": "string", "enum": verdicts}
            schemas[shape]["properties"]["problem"] = {"anyOf": [{"type": "null"}, ref("Refusal")]}
    (missing,), shapes = msgspec.json.schema_components([Missing], ref_template=REF)
    schemas.update(shapes)
    properties = {
        "code": {"type": "string", "enum": list(REFUSALS)},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "missing": {
            "type": "array",
            "items": missing,
            "description": "For `completion_requirements`: what is missing.",
        },
    }
    schemas["Refusal"] = {
        "type": "object",
        "description": "Why an edit was refused; see docs/problems.md.",
        "properties": properties,
        "required": ["code", "title", "detail"],
    }
