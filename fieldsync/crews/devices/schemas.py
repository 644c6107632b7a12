"""The shapes of devices."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.auth.schemas import PartnershipSchema
from fieldsync.crews.enrolments.schemas import OwnCrewSchema
from fieldsync.schemas import Answer, Instant, PageArgs, QueryFlag, Request, Text, page_of


class DeviceSchema(Answer):
    """A tablet of a crew."""

    id = fields.UUID()
    crew_id = fields.UUID()
    name = fields.String()
    app_version = fields.String(allow_none=True)
    last_seen_at = Instant(allow_none=True, metadata={"description": "Its last exchange, to within a minute."})
    skew_ms = fields.Integer(allow_none=True, metadata={"description": "Our clock minus its own, when last seen."})
    expected_seq = fields.Integer(attribute="next_seq", metadata={"description": "The number of its next edit."})
    enrolled_at = Instant()
    revoked_at = Instant(allow_none=True)
    revoked_by = fields.UUID(allow_none=True, metadata={"description": "The member of staff who did."})
    quarantined = fields.Boolean(
        metadata={"description": "Revoked, but what it still holds may be deposited: see `/quarantine`."}
    )
    deposited_seq = fields.Integer(
        allow_none=True, metadata={"description": "The highest number that it has deposited; null: none."}
    )
    waiting = fields.Integer(metadata={"description": "How many of these wait for a dispatcher."})
    former_crew_ids = fields.List(
        fields.UUID(), metadata={"description": "The crews that it was a tablet of before, each once."}
    )


DevicePageSchema = page_of(DeviceSchema)


class DeviceArgs(PageArgs):
    """Which devices to list."""

    crew_id = fields.UUID()
    revoked = QueryFlag()
    waiting = QueryFlag(metadata={"description": "Whether it has deposited edits that wait for a dispatcher."})


class DevicePatchSchema(Request):
    """What may be changed of a device; what is left out stays."""

    name = Text(100, min_length=1)
    crew_id = fields.UUID(metadata={"description": "Moves it to another crew."})


class OwnDeviceSchema(Answer):
    """The device that asks."""

    id = fields.UUID()
    name = fields.String()
    crew = fields.Nested(OwnCrewSchema)
    partnership = fields.Nested(PartnershipSchema)
    expected_seq = fields.Integer(metadata={"description": "The number of its next edit."})
    app_version = fields.String(allow_none=True)
    enrolled_at = Instant()


class RotatedTokenSchema(Answer):
    """A device's new token."""

    token = fields.String(metadata={"description": "Send it as `Authorization: Bearer …`. Shown this once."})
