"""Preparing an edit: its kind looked up, its fields decoded, and what alone rules it out already found. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.explain import EXPLAINED_MAX, explained, holdable
from fieldsync.journal.edits import Edit, Refusal
from fieldsync.journal.kept import as_sent, kept
from fieldsync.workorders.kinds import KINDS, READ_ONLY_KINDS, Kind, Location, Values, parse

ACTIONS = ("create", "update", "delete", "restore")

NEWER_FIELDS_MAX = 20
"""Fields of one edit that a newer app may know and we do not. One that is years ahead has fewer; each is told of in the
verdict, so that a body of nothing else cannot make an answer larger than itself."""

NEWER_BYTES_MAX = 16 * 1024
"""Their values as JSON. Twice a long text of ours: what stays in the journal of an edit that is taken is read again by
every merge with it."""

_NEWER_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,49}")
"""What a field of ours could be called."""

_PARTS = {"location": frozenset(Location.__struct_fields__)}
"""Fields whose value has members of its own, and the members. With others it is a value that we do not know."""

_RAWS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def prepare(
    side: str, edit_id: UUID, seq: int | None, kind: str, record_id: UUID, action: str, base_version: int | None,
    observed_at: datetime, happened_at: datetime, raw: msgspec.Raw, refusal: Refusal | None = None,
) -> Edit:  # fmt: skip
    """An edit ready to be decided: with its typed values, or with the refusal that will be its verdict.

    ``side`` is ``crew`` or ``office``; ``raw`` is the JSON object of its fields as it was sent. Fields of a crew's edit
    that we do not know are refused one by one, and the rest is decided: the app is newer than the server. A person in
    the office is told at once, and nothing is taken.
    """
    values: Values = {}
    newer: list[dict[str, Any]] = []
    if refusal is None:
        try:
            known = _kind(side, kind, action, base_version)
            try:
                values = parse(known, raw)
            except msgspec.DecodeError as error:
                if side != "crew" or action not in ("create", "update"):
                    raise _unreadable(known, raw, error) from error
                raw, values, newer = _without_newer(known, action, raw, error)
            if values and action in ("delete", "restore"):
                name = min(values)
                raise Refusal("unknown_field", f"To {action} a record takes no fields.", name)
        except Refusal as found:
            refusal = found
        except RecursionError:
            refusal = Refusal("invalid_value", "The fields are nested too deeply.", "fields")
    if refusal is not None:
        raw, values, newer = kept(raw), {}, []
    return Edit(
        edit_id, seq, kind, record_id, action, base_version, observed_at, happened_at, raw, values, refusal,
        refused_fields=newer,
    )  # fmt: skip


def _without_newer(
    kind: Kind, action: str, raw: msgspec.Raw, error: msgspec.DecodeError
) -> tuple[msgspec.Raw, Values, list[dict[str, Any]]]:
    """All fields as the journal keeps them, the values of those that we know, and a problem for each that we do not.

    ``error`` is what decoding all of them at once said.

    Raises:
        Refusal: ``unknown_field``, as nothing is left of the edit without them, or they are no fields of any app;
            ``invalid_value``, also of a field that we know.
    """
    # What is kept is what is looked at, so that deciding it again gives the same.
    whole = as_sent(raw)
    try:
        fields = _RAWS.decode(raw if whole is None else whole)
    except msgspec.DecodeError:
        raise _unreadable(kind, raw, error) from error
    names = fields.keys() - set(kind.names)
    if len(names) > NEWER_FIELDS_MAX:
        raise _unknown(min(names))
    problems = {name: _unknown(name) for name in names}
    for name in _PARTS.keys() & fields.keys():
        if part := _unknown_part(name, fields[name]):
            problems[name] = _unknown(part, name)
    if not problems:
        raise _unreadable(kind, raw, error) from error
    needed = problems.keys() & kind.required if action == "create" else set()
    left = {name: value for name, value in fields.items() if name not in problems}
    if (
        whole is None
        or needed
        or not left
        or not all(map(_NEWER_NAME.fullmatch, problems))
        or sum(len(bytes(fields[name])) for name in problems) > NEWER_BYTES_MAX
    ):
        raise problems[min(needed or problems)]
    try:
        values = parse(kind, msgspec.json.encode(left))
    except msgspec.DecodeError as wrong:
        reason, field = explained(wrong)
        raise Refusal("invalid_value", reason, field or "fields") from wrong
    return whole, values, [problems[name].problem() for name in sorted(problems)]


def _unknown(name: str, within: str | None = None) -> Refusal:
    """Of a field that we do not know, or of one (``within``) whose value has a part that we do not know."""
    name = holdable(name)[:EXPLAINED_MAX]
    if within is None:
        return Refusal("unknown_field", f"Object contains unknown field `{name}`.", name)
    return Refusal("unknown_field", f"Object contains unknown field `{name}` in `{within}`.", within)


def _unknown_part(name: str, value: msgspec.Raw) -> str | None:
    try:
        parts = _RAWS.decode(value).keys() - _PARTS[name]
    except msgspec.DecodeError:
        return None  # Whatever it is, it is no newer app's: the value is not acceptable.
    return min(parts, default=None)


def _unreadable(kind: Kind, raw: msgspec.Raw, error: msgspec.DecodeError) -> Refusal:
    reason, field = explained(error)
    if reason.startswith("Object contains unknown field"):
        return Refusal("unknown_field", reason, field or "fields")
    # The decoder stops at the first thing that is wrong; a field that we do not know is said before a bad value.
    try:
        unknown = _RAWS.decode(raw).keys() - set(kind.names)
    except msgspec.DecodeError:
        unknown = set()
    if unknown:
        return _unknown(min(unknown))
    return Refusal("invalid_value", reason, field or "fields")


def _kind(side: str, name: str, action: str, base_version: int | None) -> Kind:
    """The kind of that name, unless name and action alone rule the edit out.

    Raises:
        Refusal: ``malformed_edit``, ``unknown_kind``, ``read_only_kind`` or ``action_not_allowed``.
    """
    if action not in ACTIONS:
        raise Refusal("malformed_edit", f"The action must be one of {', '.join(ACTIONS)}.", "action")
    if action != "create" and base_version is None:
        raise Refusal("malformed_edit", "Say which version of the record was edited.", "base_version")
    kind = KINDS.get(name)
    if kind is None:
        if name in READ_ONLY_KINDS:
            raise Refusal("read_only_kind", f"A {name} is not edited from here.", "kind")
        raise Refusal("unknown_kind", f"There is no kind {name[:50]!r}.", "kind")
    if action == "create":
        return kind
    if action == "update":
        if kind.appends_only:
            raise Refusal("action_not_allowed", f"A {kind.name} is never changed once it is recorded.", "action")
    elif side not in (kind.deletable_by if action == "delete" else kind.deletable_by - {"crew"}):
        raise Refusal("action_not_allowed", f"You may not {action} a {kind.name}.", "action")
    return kind
