"""The shapes of an exchange on the wire (msgspec: decoding them is on the hot path, and feeds openapi.yaml too)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from fieldsync.config import CHANGES_PER_PAGE_MAX, EDITS_PER_EXCHANGE_MAX
from fieldsync.explain import explained
from fieldsync.journal import kept
from fieldsync.problems import MalformedBody, UpgradeRequired, WrongProtocol

PROTOCOL_MIN, PROTOCOL = 1, 1
"""The versions of the protocol that this server speaks: the oldest and the newest."""

SEQ_MAX = 2**53
"""Numbers stay exact in JSON parsers that read them as doubles."""

Instant = Annotated[datetime, Meta(tz=True)]
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""A clock that shows a time outside these is not believed: the edit is refused, and kept with the nearest of them."""

Word = Annotated[str, Meta(pattern="^[a-z_]{1,50}$")]


class QueuedEdit(Struct, gc=False):
    """One edit as a tablet sends it. ``fields`` is decoded by its kind, so that a bad one is refused alone."""

    seq: Annotated[int, Meta(ge=1, le=SEQ_MAX)]
    edit_id: UUID
    kind: Word
    record_id: UUID
    action: Word
    observed_at: Instant
    base_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    fields: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    """That of the feed that brought the base version; left out, it is the envelope's."""


class Exchange(Struct):
    """What a tablet sends."""

    protocol: int
    sent_at: Instant
    """The device's clock as the request leaves: gives its skew."""
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    cursor: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=0, le=CHANGES_PER_PAGE_MAX)] = 500
    """Most changes wanted in the answer; 0 while a long queue is being sent."""
    app_version: Annotated[str, Meta(pattern="^[ -~]{0,50}$")] | None = None
    schema: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """The shapes of records that the app knows: see ``Limits.schema``."""
    edits: Annotated[list[QueuedEdit], Meta(max_length=EDITS_PER_EXCHANGE_MAX)] = []


class Unreadable(Struct):
    """An edit whose envelope cannot be read, but whose number can."""

    seq: int
    edit_id: UUID | None
    raw: bytes
    reason: str
    field: str | None
    envelope: QueuedEdit | None = None
    """All but its fields, where only these cannot be read; in their place, the text of the whole edit."""


class VerdictConflict(Struct):
    """A conflict as its edit's author learns of it; values are those of the field."""

    id: UUID
    sort: str
    field: str
    policy: str
    state: str
    base: Any
    kept: Any
    other: Any


class Recorded(Struct):
    """The verdict that an edit got the first time."""

    verdict: str
    version: int | None
    conflicts: list[VerdictConflict]
    problem: dict[str, Any] | None
    refused_fields: list[dict[str, Any]] = []


class EditVerdict(Struct):
    """What became of one edit of the batch."""

    seq: int
    edit_id: UUID | None
    verdict: str
    version: int | None = None
    conflicts: list[VerdictConflict] = []
    problem: dict[str, Any] | None = None
    recorded: Recorded | None = None
    """For ``repeated``: the verdict of the first time."""
    refused_fields: list[dict[str, Any]] = []
    """Fields of an edit that was taken without them: ``{code, title, detail, field}`` each."""


class Limits(Struct, frozen=True):
    """What the server takes at present, and for how long it and a tablet remember."""

    edits: int
    """Edits of one exchange; of a longer one the first so many are taken."""
    changes: int
    """Changes of one page."""
    body_bytes: int
    """A body, once inflated."""
    offline_days: int
    """A tablet that was away for longer downloads everything anew."""
    acknowledged_days: int
    """So long a tablet keeps edits that were acknowledged, for a server restored from a backup."""
    acknowledged_edits: int
    """And so many at most."""
    protocol_min: int
    protocol_max: int
    schema: int
    """The shapes of records that the server knows."""


class Answer(Struct):
    """What the server answers."""

    epoch: str
    server_time: datetime
    expected_seq: int
    verdicts: list[EditVerdict]
    changes: msgspec.Raw
    cursor: str | None
    more: bool
    reset: bool
    limits: Limits
    reset_because: str | None = None
    """``first``, ``crew_changed``, ``epoch_changed``, ``away_too_long``, ``unknown_cursor``."""
    refusals_decided: int = 0
    """How often the office has decided on a refused edit of this device: where it has grown, ask for the list."""


_EXCHANGE = msgspec.json.Decoder(Exchange)
_EDIT = msgspec.json.Decoder(QueuedEdit)


def read(body: bytes) -> tuple[Exchange, list[Unreadable]]:
    """Decode an exchange. Edits that cannot be read are returned apart, by number, and do not block the others.

    Raises:
        MalformedBody: it is no exchange at all; or an edit does not even bear a number.
        WrongProtocol: it is one of another version; ``UpgradeRequired`` where that is an older one.
    """
    unreadable: list[Unreadable] = []
    try:
        body.decode()
        exchange = _EXCHANGE.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    except (msgspec.DecodeError, RecursionError):
        try:
            exchange, unreadable = _read_one_by_one(body)
        except RecursionError as error:
            raise MalformedBody("The body is nested too deeply.") from error
    _check_protocol(exchange.protocol)
    return exchange, unreadable


def _check_protocol(protocol: int) -> None:
    spoken = {"protocol": PROTOCOL, "protocol_min": PROTOCOL_MIN, "protocol_max": PROTOCOL}
    if protocol < PROTOCOL_MIN:
        raise UpgradeRequired(f"This server speaks protocol {PROTOCOL_MIN} or later.", field="protocol", **spoken)
    if protocol > PROTOCOL:
        raise WrongProtocol(f"This server speaks protocol {PROTOCOL} at most.", field="protocol", **spoken)


def _read_one_by_one(body: bytes) -> tuple[Exchange, list[Unreadable]]:
    """The slow way, once something is wrong: with a parser that takes any JSON, also lone surrogates."""
    try:
        document = json.loads(body, parse_constant=_not_json, parse_float=kept.holdable, parse_int=kept.holdable)
    except ValueError as error:
        raise MalformedBody("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise MalformedBody("The body is not a JSON object.")
    if isinstance(document.get("protocol"), int) and not PROTOCOL_MIN <= document["protocol"] <= PROTOCOL:
        return Exchange(document["protocol"], EARLIEST), []
    edits = document.pop("edits", [])
    if not isinstance(edits, list) or len(edits) > EDITS_PER_EXCHANGE_MAX:
        raise MalformedBody(f"edits must be a list of at most {EDITS_PER_EXCHANGE_MAX}.", field="edits")
    try:
        exchange = _EXCHANGE.decode(json.dumps(document))
    except msgspec.DecodeError as error:
        reason, field = explained(error)
        raise MalformedBody(reason, field=field) from error
    unreadable: list[Unreadable] = []
    for position, edit in enumerate(edits):
        raw = json.dumps(edit).encode()
        try:
            exchange.edits.append(_EDIT.decode(raw))
        except msgspec.DecodeError as error:
            unreadable.append(_numbered(edit, raw, position, error))
    return exchange, unreadable


def _numbered(edit: Any, raw: bytes, position: int, error: msgspec.DecodeError) -> Unreadable:
    seq = edit.get("seq") if isinstance(edit, dict) else None
    if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
        raise MalformedBody("An edit without a number cannot be answered.", field=f"edits[{position}].seq")
    try:
        edit_id = UUID(edit.get("edit_id"))
    except (TypeError, ValueError, AttributeError):
        edit_id = None
    return Unreadable(seq, edit_id, raw, *explained(error), _envelope(edit, raw))


def _envelope(edit: dict[str, Any], raw: bytes) -> QueuedEdit | None:
    """A lone surrogate, as a text cut within an emoji has, spoils the fields and leaves the rest to be read."""
    try:
        return _EDIT.decode(json.dumps(edit | {"fields": {"unreadable": raw.decode()}}))
    except msgspec.DecodeError:
        return None


def _not_json(constant: str) -> Any:
    raise ValueError(constant)
