"""The shapes of service types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from marshmallow import ValidationError, fields, validate

from fieldsync.explain import explained
from fieldsync.schemas import CODE, Answer, Flag, PageArgs, QueryFlag, Request, Text, Whole, page_of
from fieldsync.shapes import reference
from fieldsync.workorders.completion import RequiredOnCompletion, parse, stated

PRIORITY = (1, 5)
TARGET_HOURS = (1, 10 * 366 * 24)
MINUTES = (1, 7 * 24 * 60)
"""As an entry's: a job that takes longer than a week of days and nights is several."""
CERTIFICATES_MAX = 20
"""More than anybody of a crew could be asked to hold for one kind of work."""


class Requirements(fields.Field[dict[str, Any]]):
    """What completing a work order needs; the document that states it, in its shortest form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"allOf": [reference(RequiredOnCompletion)]}, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        try:
            return stated(parse(value))
        except msgspec.ValidationError as error:
            sentence, path = explained(error)
            raise ValidationError({path: [sentence]} if path else sentence) from error


class Certificates(fields.List[str]):
    """Codes of certificates, each once."""

    def __init__(self, **options: Any) -> None:
        length = validate.Length(max=CERTIFICATES_MAX)
        super().__init__(Text(50, min_length=1, pattern=CODE), validate=[length, _each_once], **options)


def _each_once(codes: Sequence[str]) -> None:
    if len(set(codes)) < len(codes):
        raise ValidationError("Each can be named once.")


class ServiceTypeSchema(Answer):
    """A kind of work."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    skill = fields.String(allow_none=True, metadata={"description": "The skill that a crew needs for it."})
    priority = fields.Integer(metadata={"description": "1 (first) to 5."})
    target_hours = fields.Integer(allow_none=True, metadata={"description": "When it should be done, in hours."})
    minutes = fields.Integer(allow_none=True, metadata={"description": "What a job of this kind usually takes."})
    certificates = fields.List(
        fields.String(), metadata={"description": "Somebody of the crew must hold each, beside the skill."}
    )
    required_on_completion = Requirements()
    retired = fields.Boolean(metadata={"description": "No new work of this kind; what names it goes on."})


ServiceTypePageSchema = page_of(ServiceTypeSchema)


class ServiceTypeArgs(PageArgs):
    """Which kinds of work to list."""

    retired = QueryFlag()


class NewServiceTypeSchema(Request):
    """A kind of work to add."""

    code = Text(50, min_length=1, pattern=CODE, required=True)
    name = Text(200, min_length=1, required=True)
    skill = Text(50, min_length=1, pattern=CODE, load_default=None, allow_none=True)
    priority = Whole(*PRIORITY, load_default=3)
    target_hours = Whole(*TARGET_HOURS, load_default=None, allow_none=True)
    minutes = Whole(*MINUTES, load_default=None, allow_none=True)
    certificates = Certificates(load_default=list)
    required_on_completion = Requirements(load_default=dict)


class ServiceTypePatchSchema(Request):
    """What may be changed of a kind of work; what is left out stays."""

    code = Text(50, min_length=1, pattern=CODE)
    name = Text(200, min_length=1)
    skill = Text(50, min_length=1, pattern=CODE, allow_none=True)
    priority = Whole(*PRIORITY)
    target_hours = Whole(*TARGET_HOURS, allow_none=True)
    minutes = Whole(*MINUTES, allow_none=True)
    certificates = Certificates()
    required_on_completion = Requirements()
    retired = Flag()
