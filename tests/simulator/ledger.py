"""What the server has been told and what it must have answered: the oracle, and the line of each device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulator.histories import Past, Path, shared
from tests.simulator.oracle import Base, Oracle, Ruling, Thing, Who
from tests.simulator.promised import DONE, ill_formed

Document = dict[str, Any]
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LISTS = ("jurisdiction", "service_type")
CONTENT = ("edit_id", "kind", "record_id", "action", "base_version", "observed_at", "fields")
RECORDED = ("verdict", "version", "conflicts", "problem", "refused_fields")


class Broken(AssertionError):
    """A law does not hold."""


def hold(law: str, expected: object, found: object, about: object = "") -> None:
    """Raises:
    Broken: what was found is not what is promised.
    """
    if expected != found:
        raise Broken(f"{law}\n  promised: {expected}\n  found:    {found}\n  about:    {about}")


@dataclass
class Sent:
    """An edit as it came."""

    content: Document
    epoch: str | None
    """Of the feed that brought its base version."""
    sent_at: datetime
    received_at: datetime


@dataclass
class Line:
    """A device as the server has to know it."""

    crew: str
    former: frozenset[str] = frozenset()
    state: str = "works"
    """``works``, ``quarantined`` (revoked, and may deposit), ``ended``."""
    revoked_at: datetime | None = None
    settled: list[tuple[Document, Document]] = field(default_factory=list)
    """Content and first verdict of each edit, by number from 1 on."""
    happened: list[datetime] = field(default_factory=list)
    """When each of them was entered, by the true time as far as that can be known."""
    waiting: list[Sent] = field(default_factory=list)
    """What was deposited under the numbers that follow."""
    deposited: bool = False
    """Something ever was, or nothing was and that was said."""
    misfits: dict[str, int] = field(default_factory=dict)
    """Edits with other content under a used number: what they say, and the number."""
    waiting_misfits: dict[str, int] = field(default_factory=dict)
    used_ids: set[str] = field(default_factory=set)

    @property
    def expected_seq(self) -> int:
        """The number of its next edit."""
        return len(self.settled) + 1


class Ledger:
    """All that must be true of one partnership."""

    def __init__(self, known_ids: set[str], epoch: str) -> None:
        self.oracle = Oracle(known_ids)
        self.lines: dict[str, Line] = {}
        self.office_edits = 0
        self.conflicts = 0
        self.past = Past([(epoch, 0)])
        self.ended: dict[str, Path] = {}
        """Every epoch that a restore has ended -> the path of its history."""
        self.decided: dict[str, str] = {}
        """Conflict -> what a dispatcher chose."""
        self.disbanded_by: dict[str, str] = {}
        self.chosen: list[tuple[int, dict[tuple[str, str], str], frozenset[tuple[str, str]]]] = []
        """From which entry of the journal on the partnership has had which policies, and what is merged in custody."""

    # --- exchanges ----------------------------------------------------------------------------------------------------

    def exchanged(self, device_id: str, asked: Document, answer: Document, received_at: datetime) -> None:
        """Hold the answer of an exchange against what is promised.

        Raises:
            Broken
        """
        line = self.lines[device_id]
        edits, verdicts = _in_order(asked), answer["verdicts"]
        hold("one verdict for each edit", [one["seq"] for one in edits][: len(verdicts)], [v["seq"] for v in verdicts])
        if edits and not verdicts:
            raise Broken("no edit of a batch was taken")
        touched: dict[str, None] = {}
        for edit, verdict in zip(edits, verdicts, strict=False):
            sent = _sent(edit, asked, received_at)
            if edit["seq"] > len(line.settled):
                hold("in the device's order", line.expected_seq, edit["seq"])
                self._first(device_id, sent, verdict, touched)
            else:
                _again(line, sent.content, verdict, edit["seq"])
        self._let_go(device_id, touched, received_at)
        hold("expected_seq", line.expected_seq, answer["expected_seq"])
        hold("the epoch", self.past.epoch, answer["epoch"])
        for change in answer["changes"]:
            if "record" in change and change["kind"] not in LISTS:
                self.sent(line.crew, change)

    def committed(
        self, device_id: str, asked: Document, received_at: datetime, read: Callable[[Document], Document]
    ) -> None:
        """The same for an exchange that was committed, and whose answer nobody heard: ``read`` reads a verdict again.

        Raises:
            Broken
        """
        line, touched = self.lines[device_id], dict[str, None]()
        for edit in _in_order(asked):
            sent = _sent(edit, asked, received_at)
            if edit["seq"] > len(line.settled):
                self._first(device_id, sent, read(edit), touched)
            elif line.settled[edit["seq"] - 1][0] != sent.content:
                line.misfits[_misfit(edit["seq"], sent.content)] = edit["seq"]
        self._let_go(device_id, touched, received_at)

    def _first(
        self, device_id: str, sent: Sent, verdict: Document, touched: dict[str, None], refused: str | None = None
    ) -> None:
        """An edit that is received for the first time. ``refused``: a dispatcher does not let it in."""
        line, content = self.lines[device_id], sent.content
        early, newer = ill_formed(content)
        early = "edit_reused" if content["edit_id"] in line.used_ids else refused or early
        line.used_ids.add(content["edit_id"])
        observed_at = datetime.fromisoformat(content["observed_at"])
        at = min(max(observed_at + (sent.received_at - sent.sent_at), EARLIEST), sent.received_at)
        who = Who(device_id, "crew", line.crew, None, line.former)
        was = self.oracle.things.get(content["record_id"])
        version = 0 if was is None else was.version
        ruling = self.oracle.rule(who, content, at, self._base(sent), early, newer)
        self.conflicts += len(ruling.conflicts)
        hold("the verdict", said(ruling), told(verdict), content)
        line.settled.append((content, verdict))
        line.happened.append(at)
        thing = self.oracle.things.get(content["record_id"])
        if thing is not None and thing.kind == "work_order" and thing.version > version:
            touched[content["record_id"]] = None

    def _base(self, sent: Sent) -> Base:
        """What the author of an edit had seen."""
        version, epoch = sent.content["base_version"] or 0, sent.epoch
        if not version or epoch is None or epoch == self.past.epoch:
            return Base(version)
        if epoch not in self.past.known:
            return Base(version, 0)  # Of a history that nobody knows, nothing is taken for shared.
        return Base(version, shared(self.ended[epoch], self.past.reaching(self.oracle.order)))

    def _let_go(self, device_id: str, touched: Mapping[str, None], at: datetime) -> None:
        """Jobs that a batch leaves open with a crew that was disbanded go to nobody."""
        crew = self.lines[device_id].crew
        if crew in self.oracle.disbanded:
            for job in touched:
                thing = self.oracle.things[job]
                if self.oracle.crew_of(thing) == crew and thing.now["status"] not in DONE:
                    self.oracle.give(job, None, Who(self.disbanded_by[crew], "office"), at)
                    self.office_edits += 1

    # --- what a revoked device deposits -------------------------------------------------------------------------------

    def deposited(self, device_id: str, asked: Document, answer: Document, received_at: datetime) -> None:
        """Hold the answer of a deposit against what is promised: it says where the numbers are, and nothing else.

        Raises:
            Broken
        """
        line = self.lines[device_id]
        line.deposited = True
        for edit in _in_order(asked):
            sent = _sent(edit, asked, received_at)
            seq, there = edit["seq"], len(line.settled) + len(line.waiting)
            if seq > there:
                hold("deposits are in the device's order", there + 1, seq)
                line.waiting.append(sent)
                continue
            first = (
                line.settled[seq - 1][0] if seq < line.expected_seq else line.waiting[seq - line.expected_seq].content
            )
            if first != sent.content and _misfit(seq, sent.content) not in line.misfits:
                line.waiting_misfits[_misfit(seq, sent.content)] = seq
        deposited_seq = len(line.settled) + len(line.waiting)
        hold("a deposit is told its numbers", {"deposited_seq": deposited_seq, "waiting": len(line.waiting)}, answer)

    def released(
        self, device_id: str, through: int, reject: set[int], read: Callable[[Document], Document], at: datetime
    ) -> None:
        """A dispatcher has let in what was deposited, up to a number.

        Raises:
            Broken
        """
        line, touched = self.lines[device_id], dict[str, None]()
        while line.waiting and line.expected_seq <= through:
            sent = line.waiting.pop(0)
            refused = "not_released" if line.expected_seq in reject else None
            self._first(device_id, sent, read(sent.content), touched, refused)
        for said_, seq in list(line.waiting_misfits.items()):
            if seq <= through:
                line.misfits[said_] = line.waiting_misfits.pop(said_)
        self._let_go(device_id, touched, at)

    def sent(self, crew: str, change: Document) -> None:
        """A record that was sent to a crew's tablet.

        Raises:
            Broken: it is not in the crew's scope, or not as it stands.
        """
        thing = self.oracle.things.get(change["id"])
        if thing is None or change["id"] not in self.oracle.scope(crew):
            raise Broken(f"law 8, a record outside the crew's scope was sent: {change}")
        hold("law 5, the record that was sent", shown(thing), seen(thing, change), change)


def _in_order(asked: Document) -> list[Document]:
    return sorted(asked["edits"], key=lambda edit: edit["seq"])


def _sent(edit: Document, asked: Document, received_at: datetime) -> Sent:
    content = {name: edit[name] for name in CONTENT}
    epoch = edit.get("epoch") or asked.get("epoch")
    return Sent(content, epoch, datetime.fromisoformat(asked["sent_at"]), received_at)


def _again(line: Line, content: Document, verdict: Document, seq: int) -> None:
    first, given = line.settled[seq - 1]
    if first == content:
        hold("a repetition is told so", "repeated", verdict["verdict"], content)
        recorded = {name: given[name] for name in RECORDED}
        hold("and gets its first verdict", recorded, {name: verdict["recorded"][name] for name in RECORDED}, content)
    else:
        code = verdict["problem"] and verdict["problem"]["code"]
        hold("other content under a used number", ("refused", "edit_reused"), (verdict["verdict"], code), content)
        line.misfits[_misfit(seq, content)] = seq


def _misfit(seq: int, content: Document) -> str:
    return repr((seq, sorted(content.items(), key=str)))


def said(ruling: Ruling) -> tuple[Any, ...]:
    """A ruling, to be compared."""
    return ruling.verdict, ruling.version, ruling.code, sorted(map(repr, ruling.conflicts)), ruling.refused_fields


def told(verdict: Document) -> tuple[Any, ...]:
    """A verdict, to be compared with a ruling."""
    problem = verdict["problem"]
    names = ("sort", "field", "policy", "state", "base", "kept", "other")
    conflicts = [repr(tuple(plain(conflict[name]) for name in names)) for conflict in verdict["conflicts"]]
    refused = [one["field"] for one in verdict["refused_fields"]]
    return verdict["verdict"], verdict["version"], problem and problem["code"], sorted(conflicts), refused


def plain(value: Any) -> Any:
    """Moments as the protocol spells them."""
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


def shown(thing: Thing) -> Document:
    """A record as the oracle has it, as tablets see it."""
    return {"version": thing.version} | {name: value for name, value in thing.now.items() if name != "deleted"}


def seen(thing: Thing, change: Mapping[str, Any]) -> Document:
    """The same of a record that was sent: what both have."""
    record = change["record"]
    found = {name: plain(record.get(name, "nothing")) for name in thing.now if name != "deleted"}
    return {"version": change["version"]} | found
