"""The shapes of crews."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import CODE, Answer, Instant, PageArgs, QueryFlag, Request, Text, page_of

SKILLS_MAX = 50


class CrewSchema(Answer):
    """The people who go out together."""

    id = fields.UUID()
    jurisdiction_id = fields.UUID(metadata={"description": "The partner that employs them."})
    code = fields.String()
    name = fields.String()
    skills = fields.List(fields.String())
    disbanded_at = Instant(allow_none=True)


CrewPageSchema = page_of(CrewSchema)


class CrewArgs(PageArgs):
    """Which crews to list."""

    jurisdiction_id = fields.UUID()
    disbanded = QueryFlag()


def _skills(**options: object) -> fields.List[str]:
    skill = Text(50, min_length=1, pattern=CODE)
    return fields.List(skill, validate=validate.Length(max=SKILLS_MAX), **options)  # type: ignore[arg-type]


class NewCrewSchema(Request):
    """A crew to add."""

    jurisdiction_id = fields.UUID(required=True)
    code = Text(50, min_length=1, pattern=CODE, required=True)
    name = Text(200, min_length=1, required=True)
    skills = _skills(load_default=list)


class CrewPatchSchema(Request):
    """What may be changed of a crew; what is left out stays."""

    jurisdiction_id = fields.UUID()
    code = Text(50, min_length=1, pattern=CODE)
    name = Text(200, min_length=1)
    skills = _skills()
