"""The shapes of jurisdictions."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.schemas import Answer, Flag, PageArgs, QueryFlag, Request, Text, page_of


class JurisdictionSchema(Answer):
    """One partner: a local government with an area."""

    id = fields.UUID()
    code = fields.String(metadata={"description": "The code of its area in the boundary layer."})
    name = fields.String()
    retired = fields.Boolean(metadata={"description": "It has left the partnership; what was done for it stays."})


JurisdictionPageSchema = page_of(JurisdictionSchema)


class JurisdictionArgs(PageArgs):
    """Which jurisdictions to list."""

    retired = QueryFlag()


class NewJurisdictionSchema(Request):
    """A jurisdiction to add."""

    code = Text(100, min_length=1, required=True)
    name = Text(200, min_length=1, required=True)


class JurisdictionPatchSchema(Request):
    """What may be changed of a jurisdiction; what is left out stays."""

    code = Text(100, min_length=1)
    name = Text(200, min_length=1)
    retired = Flag()
