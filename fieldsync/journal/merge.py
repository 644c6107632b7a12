"""Deciding what becomes of edits: the three-way merge, field by field. Pure and deterministic.

No clock, no randomness, no database: the same edits on the same known records give the same outcome, so a journal can
be replayed. Edits are folded in their order; each sees what those before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fieldsync.journal.clash import settle, union
from fieldsync.journal.completing import check_completion, remember
from fieldsync.journal.edits import Author, Clash, Decision, Edit, Known, Outcome, Record, Refusal, Touch, Verdict
from fieldsync.workorders.kinds import KINDS, PLACED_BY, Kind, Policy, Values
from fieldsync.workorders.rules import FIRST, may_follow


def decide(author: Author, edits: Iterable[Edit], known: Known) -> Outcome:
    """Decide each edit in turn. ``known.records`` are folded forward as it goes."""
    outcome = Outcome()
    for edit in edits:
        try:
            if edit.refusal is not None:
                raise edit.refusal
            decision = _ACTION[edit.action](author, edit, known, outcome)
        except Refusal as refusal:
            if edit.action == "create":
                known.refused_creates.add(edit.record_id)
            decision = Decision(edit, Verdict.REFUSED, None, problem=refusal.problem())
        outcome.decisions.append(decision)
    return outcome


def _create(author: Author, edit: Edit, known: Known, outcome: Outcome) -> Decision:
    kind = KINDS[edit.kind]
    values = edit.values
    if not kind.required <= values.keys():
        missing = kind.required - values.keys()
        name = min(missing)
        raise Refusal("missing_field", f"A new {kind.name} needs {', '.join(sorted(missing))}.", name)
    _check_side(author, kind, values)
    key = (kind.name, edit.record_id)
    if key in known.records or (kind.name in known.existing and edit.record_id in known.existing[kind.name]):
        raise Refusal("record_exists", f"A {kind.name} with this id exists already.", "record_id")
    full: Values = {**kind.blank, **values}
    if kind.is_child:
        parent = _find(author, edit, known, KINDS["work_order"], values["work_order_id"], "work_order_id")
        crew_id, work_order_id = parent.scope, parent.id
    else:
        crew_id = full["crew_id"] = author.crew_id if author.side == "crew" else full["crew_id"]
        work_order_id = edit.record_id
    _check_references(kind, values, known)
    if not kind.is_child and full["status"] not in FIRST:
        raise Refusal("illegal_transition", f"A new work order cannot be {full['status']}.", "status")
    record = Record(
        kind, edit.record_id, 1, full, work_order_id, crew_id, created=True, changed=True, moved=not kind.is_child,
        scope_was=crew_id,
    )  # fmt: skip
    if known.required:
        if not kind.is_child:
            check_completion(known, record, full)
        remember(known, record)
    known.records[key] = outcome.touched[key] = record
    return Decision(edit, Verdict.APPLIED, 1)


def _update(author: Author, edit: Edit, known: Known, outcome: Outcome) -> Decision:
    kind = KINDS[edit.kind]
    values = edit.values
    if fixed := values.keys() - kind.policies.keys():
        name = min(fixed)
        raise Refusal("create_only_field", f"{name} stays as it was when the record was created.", name)
    _check_side(author, kind, values)
    record = _find(author, edit, known, kind, edit.record_id, "record_id")
    _check_references(kind, values, known)
    touches = _since(edit, record, known)
    _check_transition(author, edit, record, touches)
    if record.deleted or _in_custody_of_others(author, record):
        return _held(edit, record, known, author, touches)
    others = any(touch.author_id != author.id for touch in touches)
    if not others and not (touches and kind.united & values.keys()):
        now = record.values
        before = {name: now[name] for name, mine in values.items() if now[name] != mine}
        _check_completion(edit, record, known, before, {})
        _fold(author, edit, record, known, outcome, before, {})
        return Decision(edit, Verdict.APPLIED, record.version, before or None)
    before, after, clashes = _merge(author, edit, record, known, touches)
    _check_completion(edit, record, known, before, after)
    _fold(author, edit, record, known, outcome, before, after)
    verdict = Verdict.CONFLICTED if clashes else Verdict.MERGED if others else Verdict.APPLIED
    return Decision(edit, verdict, record.version, before or None, after or None, clashes)


def _merge(
    author: Author, edit: Edit, record: Record, known: Known, touches: Sequence[Touch]
) -> tuple[Values, Values, list[Clash]]:
    """Field by field, against what others did since: the fields that change with the values they had, the values that
    come out other than they were entered, and the clashes."""
    clashes: list[Clash] = []
    before: Values = {}
    after: Values = {}
    for name, mine in edit.values.items():
        current = record.values[name]
        policy = known.policies.get((record.kind.name, name)) or record.kind.policies[name]
        last = _last_by_another(author, name, touches)
        stands = mine
        if policy is Policy.UNION:
            # Whoever came last: after the author's own edits, too, a union holds what others added, unseen as yet.
            stands = union(_view(author, name, touches, current), current, mine)
        elif last is not None and current != mine:
            base = _view(author, name, touches, current)
            stands, clash = settle(author, edit, record, name, policy, base, current, last)
            clashes.append(clash)
        if stands != current:
            before[name] = current
            if stands != mine:
                after[name] = stands
    return before, after, clashes


def _delete(author: Author, edit: Edit, known: Known, outcome: Outcome) -> Decision:
    kind = KINDS[edit.kind]
    record = _find(author, edit, known, kind, edit.record_id, "record_id")
    touches = _since(edit, record, known)
    if record.deleted:
        return Decision(edit, Verdict.MERGED, record.version)
    if _in_custody_of_others(author, record):
        return _held(edit, record, known, author, touches)
    against = next((touch for touch in reversed(touches) if touch.author_id != author.id and touch.before), None)
    if against is not None:
        clash = Clash("deleted", record, "deleted", Policy.REVIEW, False, False, True, False, against, False)
        return Decision(edit, Verdict.CONFLICTED, record.version, clashes=[clash])
    _fold(author, edit, record, known, outcome, {"deleted": False}, {}, deleted=True)
    return Decision(edit, Verdict.APPLIED, record.version, {"deleted": False})


def _restore(author: Author, edit: Edit, known: Known, outcome: Outcome) -> Decision:
    record = _find(author, edit, known, KINDS[edit.kind], edit.record_id, "record_id")
    if not record.deleted:
        return Decision(edit, Verdict.MERGED, record.version)
    _fold(author, edit, record, known, outcome, {"deleted": True}, {}, deleted=False)
    return Decision(edit, Verdict.APPLIED, record.version, {"deleted": True})


_ACTION = {"create": _create, "update": _update, "delete": _delete, "restore": _restore}


def _held(edit: Edit, record: Record, known: Known, author: Author, touches: Sequence[Touch]) -> Decision:
    """The record is deleted, or with another crew by now: everything entered is kept for a person to decide on."""
    sort = "deleted" if record.deleted else "custody"
    entered: Values = {"deleted": True} if edit.action == "delete" else edit.values
    clashes = []
    for name, mine in entered.items():
        current = record.deleted if name == "deleted" else record.values[name]
        if mine != current:
            against = _last_by_another(author, name, touches)
            base = _view(author, name, touches, current)
            clashes.append(Clash(sort, record, name, Policy.REVIEW, base, current, mine, False, against, False))
    _remember(author, edit, record, known, {})
    return Decision(edit, Verdict.CONFLICTED if clashes else Verdict.MERGED, record.version, clashes=clashes)


def _fold(
    author: Author, edit: Edit, record: Record, known: Known, outcome: Outcome,
    before: Values, after: Values, *, deleted: bool | None = None,
) -> None:  # fmt: skip
    """Bring the record to its next state. Nothing changes, and no version is spent, where ``before`` is empty."""
    if before:
        if not record.changed:
            record.changed = True
            record.values = record.values.copy()
            record.scope_was = record.scope
            outcome.touched[record.kind.name, record.id] = record
        if deleted is not None:
            record.deleted = deleted
        else:
            for name in before:
                record.values[name] = after[name] if name in after else edit.values[name]
        if "crew_id" in before:
            record.crew_id = record.values["crew_id"]
        record.moved = record.moved or (not record.kind.is_child and not PLACED_BY.isdisjoint(before))
        record.version += 1
    _remember(author, edit, record, known, before)


def _remember(author: Author, edit: Edit, record: Record, known: Known, before: Values) -> None:
    touch = Touch(record.version, author.id, author.side, edit.happened_at, edit.values, before)
    _touches(record, known).append(touch)


def _touches(record: Record, known: Known) -> list[Touch]:
    if record.touches is None:
        record.touches = list(known.history.get((record.kind.name, record.id), ())) if known.history else []
    return record.touches


def _find(author: Author, edit: Edit, known: Known, kind: Kind, record_id: Any, name: str) -> Record:
    """The record, if this author may see it or saw it once."""
    record = known.records.get((kind.name, record_id))
    if record is None:
        if record_id in known.refused_creates:
            raise Refusal("depends_on", "The creation of the record was refused.", name)
        raise Refusal("unknown_record", f"There is no {kind.name} {record_id} that you may see.", name)
    if author.side == "crew":
        # Deleted ones included: what a crew did to a record before it learnt of the deletion becomes a conflict.
        visible = record.crew_id == author.crew_id or record.work_order_id in known.left
    else:
        allowed = author.jurisdiction_ids
        visible = allowed is None or record.jurisdiction_id in allowed
    if not visible:
        raise Refusal("unknown_record", f"There is no {kind.name} {record_id} that you may see.", name)
    return record


def _in_custody_of_others(author: Author, record: Record) -> bool:
    return author.side == "crew" and record.crew_id != author.crew_id


def _check_side(author: Author, kind: Kind, values: Values) -> None:
    if author.side == "crew" and not kind.office_only.isdisjoint(values):
        name = min(kind.office_only & values.keys())
        raise Refusal("field_not_yours", f"Only the office enters {name}.", name)


def _check_references(kind: Kind, values: Values, known: Known) -> None:
    for name, table in kind.references.items():
        target = values.get(name)
        if target is not None and target not in known.existing.get(table, ()):
            raise Refusal("unknown_reference", f"There is no {table} {target}.", name)


def _check_transition(author: Author, edit: Edit, record: Record, touches: Sequence[Touch]) -> None:
    wanted = edit.values.get("status")
    if wanted is not None:
        view = _view(author, "status", touches, record.values["status"])
        if not may_follow(author.side, view, wanted):
            raise Refusal("illegal_transition", f"A work order that is {view} cannot become {wanted}.", "status")


def _check_completion(edit: Edit, record: Record, known: Known, before: Values, after: Values) -> None:
    if known.required and not record.kind.is_child and "status" in before:
        stands = {name: after[name] if name in after else edit.values[name] for name in before}
        check_completion(known, record, stands)


def _since(edit: Edit, record: Record, known: Known) -> list[Touch]:
    """What was done to the record after the version that the edit was made on.

    A base beyond the record's version (a server restored from a backup) counts as the present one.
    """
    base = edit.base_version or 0
    if base >= record.version:
        return []
    return [touch for touch in _touches(record, known) if touch.version > base]


def _last_by_another(author: Author, name: str, touches: Sequence[Touch]) -> Touch | None:
    """The edit that gave the field its present value, if somebody else made it after the author last looked."""
    for touch in reversed(touches):
        if name in touch.before:
            return touch if touch.author_id != author.id else None
    return None


def _view(author: Author, name: str, touches: Sequence[Touch], current: Any) -> Any:
    """The value that the author saw when the edit was made: the author's own last one, else the base version's."""
    for touch in reversed(touches):
        if touch.author_id == author.id and name in touch.entered:
            return touch.entered[name]
    for touch in touches:
        if name in touch.before:
            return touch.before[name]
    return current
