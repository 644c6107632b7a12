"""Deciding what becomes of edits: the three-way merge, field by field. Pure and deterministic.

No clock, no randomness, no database: the same edits on the same known records give the same outcome, so a journal can
be replayed. Edits are folded in their order; each sees what those before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fieldsync.journal.clash import settle, together, union
from fieldsync.journal.completing import check_completion, remember
from fieldsync.journal.edits import Author, Clash, Decision, Edit, Known, Outcome, Record, Refusal, Touch, Verdict
from fieldsync.workorders.kinds import KINDS, PLACED_BY, Kind, Policy, Values
from fieldsync.workorders.rules import DONE, FIRST, may_follow


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
            # Through its traceback it would hold the whole batch; and the garbage collector does not look at edits.
            refusal.__traceback__ = None
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
    if not kind.is_child:
        record.placing = {name: full[name] for name in PLACED_BY}
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
    foreign = _in_custody_of_others(author, record)
    held = _waiting(record, known, values) if foreign else frozenset()
    if record.deleted or (foreign and held == values.keys()):
        return _held(edit, record, known, author, touches)
    others = foreign or any(touch.author_id != author.id for touch in touches)
    if not others and not (touches and kind.united & values.keys()):
        now = record.values
        before = {name: now[name] for name, mine in values.items() if now[name] != mine}
        _check_completion(edit, record, known, before, {})
        _fold(author, edit, record, known, outcome, before, {})
        return Decision(edit, Verdict.APPLIED, record.version, before or None)
    before, after, clashes = _merge(author, edit, record, known, touches, held)
    _check_completion(edit, record, known, before, after)
    _fold(author, edit, record, known, outcome, before, after)
    verdict = Verdict.CONFLICTED if clashes else Verdict.MERGED if others else Verdict.APPLIED
    return Decision(edit, verdict, record.version, before or None, after or None, clashes)


def _merge(
    author: Author, edit: Edit, record: Record, known: Known, touches: Sequence[Touch], held: frozenset[str]
) -> tuple[Values, Values, list[Clash]]:
    """Field by field, against what others did since: the fields that change with the values they had, the values that
    come out other than they were entered, and the clashes. The fields ``held`` wait for a person."""
    clashes: list[Clash] = []
    before: Values = {}
    after: Values = {}
    for name, mine in edit.values.items():
        current = record.values[name]
        if name in held:
            if mine != current:
                clashes.append(_hold(author, "custody", record, name, mine, current, touches))
            continue
        policy = known.policies.get((record.kind.name, name)) or record.kind.policies[name]
        last = _last_by_another(author, name, touches)
        stands = mine
        if policy is Policy.UNION:
            # Whoever came last: after the author's own edits, too, a union holds what others added, unseen as yet.
            stands = union(_view(author, name, touches, current), current, mine)
        elif policy is Policy.TEXT:
            # The same with text: what she wrote is compared with what she last wrote, not with what came of that.
            base = _view(author, name, touches, current)
            stands, clash = together(record, name, base, current, mine, _last_unseen(author, name, touches))
            if clash is not None:
                clashes.append(clash)
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


def _waiting(record: Record, known: Known, names: Iterable[str]) -> frozenset[str]:
    """Of the fields of a record that has left the crew those that wait for a person: all that the partnership does not
    have merged, and of a task whose work order is deleted every one."""
    job = known.records.get(("work_order", record.work_order_id))
    merged = known.custody_merges if job is None or not job.deleted else frozenset()
    return frozenset(name for name in names if (record.kind.name, name) not in merged)


def _held(edit: Edit, record: Record, known: Known, author: Author, touches: Sequence[Touch]) -> Decision:
    """The record is deleted, or with another crew by now: everything entered is kept for a person to decide on."""
    sort = "deleted" if record.deleted else "custody"
    entered: Values = {"deleted": True} if edit.action == "delete" else edit.values
    clashes = []
    for name, mine in entered.items():
        current = record.deleted if name == "deleted" else record.values[name]
        if mine != current:
            clashes.append(_hold(author, sort, record, name, mine, current, touches))
    _remember(author, edit, record, known, {})
    return Decision(edit, Verdict.CONFLICTED if clashes else Verdict.MERGED, record.version, clashes=clashes)


def _hold(
    author: Author, sort: str, record: Record, name: str, mine: Any, current: Any, touches: Sequence[Touch]
) -> Clash:
    against = _last_by_another(author, name, touches)
    base = _view(author, name, touches, current)
    return Clash(sort, record, name, Policy.REVIEW, base, current, mine, False, against, False)


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
        was_done = record.values.get("status") in DONE
        if deleted is not None:
            record.deleted = deleted
        else:
            for name in before:
                record.values[name] = after[name] if name in after else edit.values[name]
        if "crew_id" in before:
            record.crew_id = record.values["crew_id"]
        if not record.kind.is_child and not was_done and not PLACED_BY.isdisjoint(before):
            record.moved, record.placing = True, {name: record.values[name] for name in PLACED_BY}
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
        # So do those of a crew that the device was moved away from, and all that its crews have lost.
        crew = record.crew_id
        visible = crew == author.crew_id or crew in author.former_crew_ids or record.work_order_id in known.left
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

    A base beyond the record's version (a server restored from a backup) counts as the present one. Where it was seen
    in a history that the restore ended, versions after the restore are others than the author's with the same numbers:
    what came then counts whatever its version.
    """
    base = edit.base_version or 0
    if (shared := edit.base_entry) is not None:
        return [touch for touch in _touches(record, known) if touch.version > base or touch.entry > shared]
    if base >= record.version:
        return []
    return [touch for touch in _touches(record, known) if touch.version > base]


def _last_by_another(author: Author, name: str, touches: Sequence[Touch]) -> Touch | None:
    """The edit that gave the field its present value, if somebody else made it after the author last looked."""
    for touch in reversed(touches):
        if name in touch.before:
            return touch if touch.author_id != author.id else None
    return None


def _last_unseen(author: Author, name: str, touches: Sequence[Touch]) -> Touch | None:
    """The last edit of the field by somebody else, also where the author's own came after it."""
    return next((touch for touch in reversed(touches) if name in touch.before and touch.author_id != author.id), None)


def _view(author: Author, name: str, touches: Sequence[Touch], current: Any) -> Any:
    """The value that the author saw when the edit was made: the author's own last one, else the base version's."""
    for touch in reversed(touches):
        if touch.author_id == author.id and name in touch.entered:
            return touch.entered[name]
    for touch in touches:
        if name in touch.before:
            return touch.before[name]
    return current
