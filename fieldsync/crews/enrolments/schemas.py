"""The shapes of enrolment."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.auth.schemas import PartnershipSchema
from fieldsync.crews.enrolments.codes import TEXT_MAX
from fieldsync.schemas import Answer, Instant, PageArgs, Request, Text, page_of

APP_VERSION = "^[ -~]*$"


class EnrolmentSchema(Answer):
    """A tablet that may join a crew."""

    id = fields.UUID()
    crew_id = fields.UUID()
    device_name = fields.String()
    created_by = fields.UUID(metadata={"description": "The member of staff who made the code."})
    created_at = Instant()
    expires_at = Instant()
    used_at = Instant(allow_none=True)
    device_id = fields.UUID(allow_none=True, metadata={"description": "The device that the code was traded for."})


EnrolmentPageSchema = page_of(EnrolmentSchema)


class CreatedEnrolmentSchema(EnrolmentSchema):
    """An enrolment as it is made: the only time that its code is seen."""

    code = fields.String(metadata={"description": "To be typed, in any case; O is read as 0, I and L as 1."})
    qr_payload = fields.String(metadata={"description": "`fieldsync:enrol?server=…&code=…`, for the tablet to scan."})
    qr_svg = fields.String(metadata={"description": "The payload as a QR code: an SVG document."})


class NewEnrolmentSchema(Request):
    """An enrolment to make."""

    crew_id = fields.UUID(required=True)
    device_name = Text(100, min_length=1, required=True, metadata={"description": "Such as `Truck 7`."})


class EnrolmentArgs(PageArgs):
    """Which enrolments to list."""

    crew_id = fields.UUID()


class TradeSchema(Request):
    """What a tablet sends to join its crew."""

    code = Text(TEXT_MAX, required=True, load_only=True)
    app_version = Text(50, pattern=APP_VERSION, load_default=None, allow_none=True)
    name = Text(
        100, min_length=1, load_default=None, allow_none=True,
        metadata={"description": "Replaces the name that the office gave the device."},
    )  # fmt: skip
    former_token = Text(
        200, pattern=APP_VERSION, load_default=None, allow_none=True, load_only=True,
        metadata={"description": "The first token of the device that this tablet was until now, ended or not. It lets "
                                 "nobody in: it says which edits need not be sent again."},
    )  # fmt: skip


class OwnCrewSchema(Answer):
    """The crew that a device belongs to."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()


class FormerDeviceSchema(Answer):
    """What the server has of the device that a tablet was before."""

    device_id = fields.UUID()
    expected_seq = fields.Integer(metadata={"description": "All edits below this number were received."})
    deposited_seq = fields.Integer(
        allow_none=True,
        metadata={"description": "Edits up to this number were deposited after it was revoked; a dispatcher decides on "
                                 "them. null: none were."},
    )  # fmt: skip


class EnrolledSchema(Answer):
    """What a tablet gets for its code."""

    device_id = fields.UUID()
    name = fields.String()
    token = fields.String(metadata={"description": "Send it as `Authorization: Bearer …`. Shown this once."})
    crew = fields.Nested(OwnCrewSchema)
    partnership = fields.Nested(PartnershipSchema)
    expected_seq = fields.Integer(metadata={"description": "The number of its first edit."})
    epoch = fields.UUID(
        metadata={"description": "As in an exchange: another value than before, and the server was restored."}
    )
    former = fields.Nested(
        FormerDeviceSchema, allow_none=True,
        metadata={"description": "null: no `former_token` was given, or none that the server knows."},
    )  # fmt: skip
