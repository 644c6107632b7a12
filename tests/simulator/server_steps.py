"""What is done with tablets, and with the server itself: moves, losses, backups, restores, keeping it short."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any
from uuid import UUID

from fieldsync.auth.actor import StaffActor
from fieldsync.partnerships import lineage
from fieldsync.partnerships.lineage import Shared
from fieldsync.retention.keep import keep_one_short
from fieldsync.sync.quarantine.release import release as let_in
from tests.simulator.histories import Past
from tests.simulator.ledger import Line
from tests.simulator.play import Play, step
from tests.simulator.scenario import Step

BACKUP_KEPT = timedelta(days=13)
"""Older ones are not restored: tablets keep what was acknowledged for fourteen days."""


@step("move")
def move(play: Play, step_: Step) -> None:
    """A tablet is handed to another crew, and goes on with what is queued on it."""
    carried = play.tablets[step_.who % len(play.tablets)]
    line, crew = play.ledger.lines.get(carried.device_id), play.crews[step_.more["crew"]]
    if line is None or line.state != "works" or crew == line.crew or crew in play.ledger.oracle.disbanded:
        return
    line.former, line.crew, carried.crew = (line.former | {line.crew}) - {crew}, crew, step_.more["crew"]
    former = sorted(UUID(one) for one in line.former)
    play.server.change("device", carried.device_id, {"crew_id": UUID(crew), "former_crew_ids": former})
    play.tell(f"tablet {carried.number} is moved to crew {carried.crew}")


@step("revoke")
def revoke(play: Play, step_: Step) -> None:
    """A tablet is lost; what it holds may still be deposited, or not even that."""
    carried = play.tablets[step_.who % len(play.tablets)]
    line = play.ledger.lines.get(carried.device_id)
    if line is None or line.state != "works":
        return
    at, quarantined = play.time(), step_.more["quarantine"]
    play.server.change("device", carried.device_id, {"revoked_at": at, "quarantined": quarantined})
    play.server.end_tokens(carried.device_id, at)
    line.state, line.revoked_at = ("quarantined" if quarantined else "ended"), at
    carried.waits_for_office = step_.more["waits"]
    play.tell(f"tablet {carried.number} is revoked{', with a quarantine' if quarantined else ''}")


@step("release")
def release(play: Play, step_: Step) -> None:
    """A dispatcher lets in some of what a revoked tablet has deposited, and refuses some of it."""
    held = [(name, line) for name, line in play.ledger.lines.items() if line.waiting]
    if held:
        device_id, line = held[step_.which % len(held)]
        through = line.expected_seq - 1 + min(step_.more["through"], len(line.waiting))
        numbers = range(line.expected_seq, through + 1)
        release_through(play, device_id, line, through, {seq for seq in numbers if seq % 4 == step_.more["reject"]})


def release_through(play: Play, device_id: str, line: Line, through: int, reject: set[int]) -> None:
    """Let in what a device has deposited, up to a number."""
    at, by = play.time(), StaffActor(play.town.partnership_id, play.town.staff_ids[0], UUID(int=0), {})
    with play.server.transaction() as session:
        let_in(session, by, UUID(device_id), through, reject, "Not now." if reject else None, at)
    play.ledger.released(device_id, through, reject, lambda edit: play.kept_verdict(device_id, edit), at)
    play.tell(f"what device {device_id[9:13]} deposited is released through {through}, but for {sorted(reject)}")


@step("keep_short")
def keep_short(play: Play, step_: Step) -> None:
    """Days pass, and what is old leaves the feed and the hot part of the journal."""
    play.time.pass_by(step_.more["days"] * 86_400)
    with play.server.context():
        moved = keep_one_short(play.town.partnership_id, play.time)
    play.tell(f"{step_.more['days']} days pass; {moved} old rows are moved")


@step("take_at_most")
def take_at_most(play: Play, step_: Step) -> None:
    """The server has more to do than it can, or has it no more."""
    play.server.take_at_most(step_.more["edits"])
    play.tell(f"the server takes {step_.more['edits']} edits of an exchange")


@step("back_up")
def back_up(play: Play, step_: Step) -> None:
    """Whoever runs the server takes a backup."""
    play.backups.append((play.server.back_up(), copy.deepcopy(play.ledger), play.time()))
    play.tell(f"backup {len(play.backups)} is taken")


@step("restore")
def restore(play: Play, step_: Step) -> None:
    """The server is restored from an older backup, and begins a new epoch."""
    young = [backup for backup in play.backups if play.time() - backup[2] < BACKUP_KEPT]
    if not young:
        return
    chosen = young[step_.which % len(young)]
    backup, ledger, _ = chosen
    known = step_.more["replaced_is_known"]
    replaced, replaced_past = play.ledger, _lineage(play) if known else None
    was = play.ledger.past
    play.ended[was.epoch] = was.reaching(replaced.oracle.order)
    play.server.restore(backup)
    play.ledger = copy.deepcopy(ledger)
    restored = play.ledger.past
    end = Shared(max((row["entry"] for row in play.server.rows("journal")), default=0), _head(play)["change"])
    past = lineage.begin(restored.epoch, _lineage(play), end, was.epoch if known else None, replaced_past)
    epoch = play.ids()
    play.server.begin_history(epoch, past, play.time())
    path = restored.reaching(play.ledger.oracle.order)
    known_epochs = restored.known | {restored.epoch} | ({was.epoch} | was.known if known else set())
    play.ended.setdefault(restored.epoch, path)
    play.ledger.past = Past([*path, (str(epoch), 0)], known_epochs)
    play.ledger.ended = play.ended
    play.tell(f"the server is restored from backup {[one is chosen for one in play.backups].index(True) + 1}")


def _lineage(play: Play) -> dict[str, Shared]:
    return {row["epoch"]: Shared(row["entry"], row["change"]) for row in play.server.rows("past_epoch")}


def _head(play: Play) -> dict[str, Any]:
    (head,) = play.server.rows("head")
    return head
