"""Preparing an edit: its kind looked up, its fields decoded, and what alone rules it out already found. Pure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from fieldsync.explain import EXPLAINED_MAX, explained, holdable
from fieldsync.journal.edits import Edit, Refusal
from fieldsync.journal.kept import kept
from fieldsync.workorders.kinds import KINDS, READ_ONLY_KINDS, Kind, Values, parse

ACTIONS = ("create", "update", "delete", "restore")


def prepare(
    side: str, edit_id: UUID, seq: int | None, kind: str, record_id: UUID, action: str, base_version: int | None,
    observed_at: datetime, happened_at: datetime, raw: msgspec.Raw, refusal: Refusal | None = None,
) -> Edit:  # fmt: skip
    """An edit ready to be decided: with its typed values, or with the refusal that will be its verdict.

    ``side`` is ``crew`` or ``office``; ``raw`` is the JSON object of its fields as it was sent.
    """
    values: Values = {}
    if refusal is None:
        try:
            known = _kind(side, kind, action, base_version)
            values = parse(known, raw)
            if values and action in ("delete", "restore"):
                name = min(values)
                raise Refusal("unknown_field", f"To {action} a record takes no fields.", name)
        except Refusal as found:
            refusal = found
        except msgspec.DecodeError as error:
            refusal = _unreadable(KINDS[kind], raw, error)
        except RecursionError:
            refusal = Refusal("invalid_value", "The fields are nested too deeply.", "fields")
    if refusal is not None:
        raw, values = kept(raw), {}
    return Edit(edit_id, seq, kind, record_id, action, base_version, observed_at, happened_at, raw, values, refusal)


def _unreadable(kind: Kind, raw: msgspec.Raw, error: msgspec.DecodeError) -> Refusal:
    reason, field = explained(error)
    if reason.startswith("Object contains unknown field"):
        return Refusal("unknown_field", reason, field or "fields")
    # The decoder stops at the first thing that is wrong; a field that we do not know is said before a bad value.
    try:
        unknown = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).keys() - set(kind.names)
    except msgspec.DecodeError:
        unknown = set()
    if unknown:
        name = holdable(min(unknown))[:EXPLAINED_MAX]
        return Refusal("unknown_field", f"Object contains unknown field `{name}`.", name)
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
