"""What a route says of itself in the OpenAPI document: its msgspec types (the structs that are decoded are the ones
that are documented), and the problems it may answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from apispec import APISpec

from fieldsync.problems import Problem

View = TypeVar("View", bound=Callable[..., Any])

_REF = "#/components/schemas/{name}"
_DOCUMENTED: dict[str, Any] = {}


def reference(shape: Any) -> dict[str, Any]:
    """A reference to a msgspec type's schema, which is added to the document's components."""
    (out,), components = msgspec.json.schema_components([shape], ref_template=_REF)
    _DOCUMENTED.update(components)
    return out


def body_of(shape: Any) -> dict[str, Any]:
    """An OpenAPI request body: JSON of this type."""
    return {"required": True, "content": {"application/json": {"schema": reference(shape)}}}


def json_answer(shape: Any, description: str) -> dict[str, Any]:
    """An OpenAPI response: JSON of this type."""
    return {"description": description, "content": {"application/json": {"schema": reference(shape)}}}


def add_components(spec: APISpec) -> None:
    """Put every documented msgspec type into the document."""
    for name, schema in sorted(_DOCUMENTED.items()):
        if name not in spec.components.schemas:
            spec.components.schema(name, schema)


def refuses(*problems: type[Problem]) -> Callable[[View], View]:
    """Decorate a route with the problems that are its own: those that any route may answer with are added to all."""

    def decorate(view: View) -> View:
        view.problems = problems  # type: ignore[attr-defined]
        return view

    return decorate
