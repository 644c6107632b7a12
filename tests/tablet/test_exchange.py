"""A tablet against a real server: everything that the protocol can come to, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fieldsync.tablet import (
    HttpLine,
    JournalTooShort,
    NotEnrolled,
    Reply,
    ServerRefused,
    Tablet,
    Unreachable,
    edits,
)
from tests.tablet.live import Live

Make = Callable[..., Tablet]


class Wire:
    """A line on which a test can cut answers off, and see what was sent."""

    def __init__(self, url: str) -> None:
        self._inner = HttpLine(url)
        self.lost = 0
        """So many answers are lost from now on."""
        self.sent: list[dict[str, Any]] = []

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = self._inner.send(method, path, headers, body)
        self.sent.append({"path": path, "headers": dict(headers), "size": len(body or b"")})
        if self.lost > 0:
            self.lost -= 1
            raise Unreachable("The answer was lost.")
        return reply


@pytest.fixture
def wire(live: Live) -> Wire:
    return Wire(live.url)


def some_job(tablet: Tablet, number: int = 0) -> str:
    return sorted(record.id for record in tablet.records("work_order"))[number]


def new_job(tablet: Tablet) -> str:
    service = tablet.records("service_type")[0].id
    return tablet.create(
        "work_order", {"title": "New", "service_type_id": service, "location": {"lon": -80.0, "lat": 40.44}}
    )


def test_a_new_tablet_downloads_its_crews_records(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet(page=7)
    first = tablet.exchange()
    assert first.reset
    assert not first.idle
    tablet.sync()
    assert tablet.is_complete
    crew_id = live.crew()["id"]
    jobs = {row["id"] for row in live.office.every("/v1/work-orders", crew_id=crew_id)}
    assert {record.id for record in tablet.records("work_order")} == jobs
    assert len(tablet.records("jurisdiction")) == 10
    assert len(tablet.records("service_type")) == 8


def test_what_was_entered_offline_arrives_with_its_verdicts(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = new_job(tablet)
    tablet.create("note", {"work_order_id": job, "body": "first"})
    tablet.update("work_order", job, {"status": "in_progress", "tags": ["a"]})
    tablet.update("work_order", job, {"status": "closed"})
    tablet.sync()
    assert [edit.verdict.verdict for edit in tablet.journal() if edit.verdict] == ["applied"] * 3 + ["refused"]
    (refused,) = tablet.refused()
    assert refused.verdict is not None
    assert refused.verdict.problem is not None
    assert refused.verdict.problem["code"] == "illegal_transition"
    seen = tablet.record("work_order", job)
    assert seen is not None
    assert (seen.version, seen.fields["status"], seen.own_edits) == (2, "in_progress", 0)
    assert live.office.need("GET", f"/v1/work-orders/{job}")["record"]["tags"] == ["a"]


def test_a_lost_answer_changes_nothing(make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire)
    tablet.sync()
    job = new_job(tablet)
    pauses: list[float] = []
    wire.lost = 3
    tablet.sync(wait=pauses.append)
    assert len(pauses) == 3
    assert tablet.waiting() == tablet.refused() == []
    seen = tablet.record("work_order", job)
    assert seen is not None
    assert seen.version == 1
    wire.lost = 99
    with pytest.raises(Unreachable):
        tablet.sync(patience=2, wait=pauses.append)
    assert len(pauses) == 5


def test_a_long_queue_goes_out_before_anything_comes_in(make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire, edits_max=10)
    job = None
    tablet.sync()
    job = some_job(tablet)
    with tablet.together():
        for number in range(25):
            tablet.create("note", {"work_order_id": job, "body": f"{number}"})
    before = tablet._store.state()["cursor"]
    assert (tablet.exchange().changes, len(tablet.waiting())) == (0, 15)
    assert tablet._store.state()["cursor"] == before
    assert len(tablet.records("note", job)) == 25, "acknowledged ones are shown until they have come back"
    assert tablet.exchange().changes == 0
    last = tablet.exchange()
    assert (last.changes, last.idle) == (25, True)


def test_large_bodies_are_compressed(make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire)
    tablet.sync()
    tablet.create("note", {"work_order_id": some_job(tablet), "body": "the same " * 800})
    tablet.sync()
    large = wire.sent[-1]
    assert large["headers"]["Content-Encoding"] == "gzip"
    assert large["size"] < 1_000


def test_a_job_that_went_to_another_crew_leaves_and_its_edits_are_kept(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = some_job(tablet)
    tablet.create("note", {"work_order_id": job, "body": "seen before"})
    tablet.sync()
    tablet.update("work_order", job, {"title": "Typed while away"})
    live.assign(job, live.crew(1)["id"])
    other = make_tablet(live.crew(1)["id"])
    other.sync()
    assert any(note.fields["body"] == "seen before" for note in other.records("note", job))
    tablet.sync()
    assert tablet.record("work_order", job) is None
    assert tablet.records("note", job) == []
    (edit,) = tablet.conflicts()
    assert edit.verdict is not None
    (conflict,) = edit.verdict.conflicts
    assert (conflict["sort"], conflict["other"]) == ("custody", "Typed while away")


def test_a_tablet_moved_to_another_crew_starts_again(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    admin = live.demo.admin_token
    live.office.need("PATCH", f"/v1/devices/{tablet.device_id}", {"crew_id": live.crew(2)["id"]})
    assert admin
    assert tablet.exchange().reset
    tablet.sync()
    other = make_tablet(live.crew(2)["id"])
    other.sync()
    assert tablet.server_records() == other.server_records()


def test_a_revoked_tablet_keeps_its_queue_and_joins_anew(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    tablet.create("note", {"work_order_id": some_job(tablet), "body": "before"})
    tablet.sync()
    # Without a quarantine: with one, see ``test_revoked``.
    live.office.need("POST", f"/v1/devices/{tablet.device_id}/revoke", {"quarantine": False})
    job = new_job(tablet)
    with pytest.raises(NotEnrolled):
        tablet.sync()
    assert [edit.seq for edit in tablet.waiting()] == [2]
    with pytest.raises(NotEnrolled):
        tablet.enrol("demo-00000-00000")
    was = tablet.device_id
    tablet.enrol(live.code(live.crew()["id"]))
    assert tablet.device_id != was
    assert [edit.seq for edit in tablet.waiting()] == [1]
    tablet.sync()
    assert live.office.need("GET", f"/v1/work-orders/{job}")["version"] == 1


def test_a_token_is_traded_even_when_the_answer_is_lost(make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire)
    first = tablet._store.state()["token"]
    wire.lost = 1
    with pytest.raises(Unreachable):
        tablet.rotate_token()
    tablet.sync()
    tablet.rotate_token()
    assert tablet._store.state()["token"] != first
    tablet.sync()
    with tablet._store.transaction() as connection:
        connection.execute("UPDATE state SET token = ?", (first,))
    with pytest.raises(NotEnrolled):
        tablet.exchange()


def restore_backup(live: Live, tablet: Tablet, seq: int) -> None:
    """What an operator's restore does: the device's edits from a number on never happened, and the epoch is another."""
    device = tablet.device_id
    gone = "SELECT record_id FROM journal WHERE author_id = %s AND seq >= %s AND action = 'create'"
    for kind in ("note", "task"):
        live.sql(f"DELETE FROM {kind} WHERE id IN ({gone})", device, seq)
    live.sql("DELETE FROM journal WHERE author_id = %s AND seq >= %s", device, seq)
    live.sql("UPDATE device SET next_seq = %s WHERE id = %s", seq, device)
    live.sql("UPDATE head SET epoch = %s", uuid4())


@pytest.mark.parametrize("waits", [False, True], ids=["nothing waits", "an edit waits"])
def test_a_server_back_from_a_backup_is_offered_what_it_lost(live: Live, make_tablet: Make, waits: bool) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = some_job(tablet)
    notes = [tablet.create("note", {"work_order_id": job, "body": f"{number}"}) for number in range(6)]
    tablet.sync()
    restore_backup(live, tablet, 4)
    if waits:
        notes.append(tablet.create("note", {"work_order_id": job, "body": "after"}))
    tablet.sync()
    assert tablet.waiting() == []
    whole = live.office.need("GET", f"/v1/work-orders/{job}?include=notes")
    assert set(notes) <= {note["id"] for note in whole["notes"]}
    assert set(notes) <= {note.id for note in tablet.records("note", job)}


def test_a_tablet_whose_journal_is_too_short_says_so_and_still_receives(
    live: Live, make_tablet: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "JOURNAL_EDITS_MAX", 1)
    tablet = make_tablet()
    tablet.sync()
    job = some_job(tablet)
    for _ in range(2):
        tablet.create("note", {"work_order_id": job, "body": "x"})
        tablet.create("note", {"work_order_id": job, "body": "y"})
        tablet.sync()
    restore_backup(live, tablet, 1)
    tablet.create("note", {"work_order_id": job, "body": "stuck"})
    live.change(job, {"title": "Changed meanwhile"})
    with pytest.raises(JournalTooShort, match="new enrolment code"):
        tablet.sync()
    seen = tablet.record("work_order", job)
    assert seen is not None
    assert seen.fields["title"] == "Changed meanwhile"
    tablet.enrol(live.code(live.crew()["id"]))
    tablet.sync()
    assert tablet.waiting() == tablet.refused() == []


def test_a_wrong_clock_is_noticed_and_does_no_harm(make_tablet: Make) -> None:
    tablet = make_tablet(clock=lambda: datetime.now(UTC) - timedelta(days=3))
    tablet.sync()
    tablet.update("work_order", some_job(tablet), {"title": "Three days ago"})
    tablet.sync()
    off = tablet.clock_is_off_by
    assert off is not None
    assert abs(off - timedelta(days=3)) < timedelta(minutes=1)
    assert tablet.refused() == []


def test_everything_can_be_offered_again(make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = new_job(tablet)
    tablet.update("work_order", job, {"colour": "red"})
    tablet.update("work_order", job, {"title": "Newer"})
    tablet.sync()
    before = tablet.journal()
    records = tablet.server_records()
    tablet.offer_again()
    tablet.sync()
    assert (tablet.journal(), tablet.server_records()) == (before, records)
    read = tablet.read_verdict(before[1].edit_id)
    assert (read["verdict"], read["fields"]) == ("refused", {"colour": "red"})
    with pytest.raises(ServerRefused) as raised:
        tablet.read_verdict(str(uuid4()))
    assert raised.value.code == "not_found"


def test_two_threads_that_sync_at_once_do_no_harm(make_tablet: Make) -> None:
    tablet = make_tablet(edits_max=5)
    tablet.sync()
    job = some_job(tablet)
    failures: list[Exception] = []

    def use() -> None:
        try:
            for number in range(10):
                tablet.create("note", {"work_order_id": job, "body": f"thread {number}"})
                tablet.sync()
        except Exception as error:  # noqa: BLE001  (told to the test's own thread)
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    tablet.sync()
    assert [edit.verdict.verdict for edit in tablet.journal() if edit.verdict] == ["applied"] * 40
    other = make_tablet()
    other.sync()
    assert tablet.server_records() == other.server_records()


def test_a_body_that_is_too_large_is_sent_in_smaller_ones(
    make_tablet: Make, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were our own limit above the server's: it answers 413, and the batch is halved until it fits."""
    monkeypatch.setattr(edits, "BATCH_BYTES_MAX", 2**40)
    tablet = make_tablet(line=wire, edits_max=1_000)
    tablet.sync()
    job = some_job(tablet)
    with tablet.together():
        for _ in range(70):
            tablet.create("note", {"work_order_id": job, "body": "n" * (edits.EDIT_BYTES_MAX - 400)})
    tablet.sync()
    assert len(tablet.refused()) == 70, "each is refused alone: a note has at most 8,000 characters"


def test_the_file_belongs_to_the_tablet_and_not_to_the_process(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite3"
    tablet = Tablet(path, live.url)
    tablet.enrol(live.code(live.crew()["id"]))
    tablet.sync()
    job = new_job(tablet)
    tablet.close()
    again = Tablet(path, live.url)
    assert [edit.record_id for edit in again.waiting()] == [job]
    again.sync()
    assert again.waiting() == []
    again.close()
