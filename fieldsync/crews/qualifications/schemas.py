"""The shapes of skills and certificates."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import CODE, Answer, Day, PageArgs, Request, Text, page_of

QUALIFICATIONS_MAX = 200
"""Of one member, those that ran out included: all of them are read whenever her crews are."""

SORTS = ("skill", "certificate")
_UNTIL = {"description": "The last day on which it holds, included; null: it does not run out."}
_NUMBER = {"description": "As it stands on the certificate."}


def _sort(**options: object) -> fields.String:
    return fields.String(validate=validate.OneOf(SORTS), **options)  # type: ignore[arg-type]


class QualificationSchema(Answer):
    """A skill or a certificate of a member."""

    id = fields.UUID()
    member_id = fields.UUID()
    sort = fields.String(validate=validate.OneOf(SORTS))
    code = fields.String(metadata={"description": "As service types name what they need."})
    number = fields.String(allow_none=True, metadata=_NUMBER)
    valid_from = fields.Date()
    valid_until = fields.Date(allow_none=True, metadata=_UNTIL)


QualificationPageSchema = page_of(QualificationSchema)


class MemberQualificationArgs(PageArgs):
    """Which of a member's skills and certificates to list."""

    on = Day(metadata={"description": "Only those that hold on this day."})


class ExpiringArgs(PageArgs):
    """Which skills and certificates that run out to list."""

    expiring_before = Day(required=True, metadata={"description": "Only those whose last day is before this one."})
    expiring_from = Day(metadata={"description": "Only those whose last day is this one or a later one."})
    jurisdiction_id = fields.UUID(metadata={"description": "Only those of members whom this partner employs."})
    sort = _sort()
    code = Text(50, min_length=1, pattern=CODE)


class NewQualificationSchema(Request):
    """A skill or a certificate to add."""

    sort = _sort(required=True)
    code = Text(50, min_length=1, pattern=CODE, required=True)
    number = Text(100, min_length=1, load_default=None, allow_none=True, metadata=_NUMBER)
    valid_from = Day(required=True)
    valid_until = Day(load_default=None, allow_none=True, metadata=_UNTIL)


class QualificationPatchSchema(Request):
    """What may be changed of a skill or a certificate; what is left out stays."""

    sort = _sort()
    code = Text(50, min_length=1, pattern=CODE)
    number = Text(100, min_length=1, allow_none=True, metadata=_NUMBER)
    valid_from = Day()
    valid_until = Day(allow_none=True, metadata=_UNTIL)
