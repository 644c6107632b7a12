"""The tablet alone: what it stores, numbers and shows, without any server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fieldsync.tablet import EditTooLarge, HttpLine, NotEnrolled, StoreTooNew, Tablet, edits, replica
from fieldsync.tablet.problems import JournalTooShort

NOBODY = "http://127.0.0.1:9"
WITHOUT_ZONE = datetime(2026, 1, 1)  # noqa: DTZ001  (that is what is tried)
JOB = "0197a000-0000-7000-8000-000000000001"
SERVER_TIME = "2026-05-04T08:00:00Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tablet.sqlite3"


@pytest.fixture
def tablet(path: Path) -> Iterator[Tablet]:
    tablet = Tablet(path, NOBODY)
    yield tablet
    tablet.close()


def receive(
    tablet: Tablet, *changes: dict[str, object], reset: bool = False, more: bool = False, epoch: str | None = None
) -> None:
    """Let a page of the feed arrive."""
    with tablet._store.transaction() as connection:
        replica.take(connection, changes, reset=reset, more=more, epoch=epoch)
        edits.hide_settled(connection, complete=not more)


def answer(tablet: Tablet, *verdicts: dict[str, object]) -> None:
    with tablet._store.transaction() as connection:
        edits.settle(connection, verdicts, SERVER_TIME)


def verdict(edit: edits.Edit, name: str = "applied", version: int | None = 1, **more: object) -> dict[str, object]:
    said = {"verdict": name, "version": version, "conflicts": [], "problem": None, "recorded": None}
    return {"seq": edit.seq, "edit_id": edit.edit_id} | said | more


def job(version: int = 7, **fields: object) -> dict[str, object]:
    return {"kind": "work_order", "id": JOB, "version": version, "record": {"title": "Hole", "status": "open"} | fields}


def test_edits_are_numbered_without_holes_and_survive_a_restart(tablet: Tablet, path: Path) -> None:
    first = tablet.create("note", {"work_order_id": JOB, "body": "one"})
    tablet.update("work_order", JOB, {"status": "in_progress"})
    again = Tablet(path, NOBODY)
    again.create("note", {"work_order_id": JOB, "body": "two"})
    assert [(edit.seq, edit.action) for edit in again.waiting()] == [(1, "create"), (2, "update"), (3, "create")]
    assert again.waiting()[0].record_id == first
    again.close()


def test_what_is_entered_together_is_stored_together_or_not_at_all(tablet: Tablet) -> None:
    with pytest.raises(ValueError, match="JSON"), tablet.together():  # noqa: PT012  (the block is what is tried)
        tablet.create("note", {"body": "one"})
        tablet.create("note", {"body": float("nan")})
    assert tablet.waiting() == []
    tablet.create("note", {"body": "two"})
    assert [edit.seq for edit in tablet.waiting()] == [1]


def test_a_full_disk_is_told_and_loses_nothing(tablet: Tablet) -> None:
    tablet.create("note", {"body": "one"})
    with tablet._store.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"), tablet.together():  # noqa: PT012
        for _ in range(20):
            tablet.create("note", {"body": "x" * 8_000})
    connection.execute("PRAGMA max_page_count = 1000000")
    tablet.create("note", {"body": "two"})
    assert [edit.fields["body"] for edit in tablet.waiting()] == ["one", "two"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "half a pair: \ud800", WITHOUT_ZONE])
def test_what_cannot_be_sent_is_refused_when_it_is_entered(tablet: Tablet, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        tablet.create("note", {"body": value})
    with pytest.raises(EditTooLarge):
        tablet.create("note", {"body": "x" * edits.EDIT_BYTES_MAX})
    assert tablet.waiting() == []


def test_moments_are_sent_in_utc(tablet: Tablet) -> None:
    tablet.create("labor_entry", {"started_at": datetime(2026, 5, 1, 12, tzinfo=UTC)})
    assert tablet.waiting()[0].fields == {"started_at": "2026-05-01T12:00:00Z"}


def test_a_batch_carries_no_more_than_fits(tablet: Tablet, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        tablet.create("note", {"body": f"{number} " + "x" * 1_000})
    with tablet._store.transaction() as connection:
        assert len(edits.batch(connection, 4).sent) == 4
        assert edits.batch(connection, 4).more
        assert not edits.batch(connection, 10).more
        monkeypatch.setattr(edits, "BATCH_BYTES_MAX", 3_000)
        assert [json.loads(sent)["seq"] for sent in edits.batch(connection, 10).sent] == [1, 2]
        monkeypatch.setattr(edits, "BATCH_BYTES_MAX", 10)
        assert len(edits.batch(connection, 10).sent) == 1, "one is always possible"


def test_own_edits_are_drawn_over_the_servers_record_until_the_feed_has_them(tablet: Tablet) -> None:
    receive(tablet, job())
    tablet.update("work_order", JOB, {"status": "in_progress"})
    (edit,) = tablet.waiting()
    assert edit.base_version == 7
    seen = tablet.record("work_order", JOB)
    assert seen is not None
    assert (seen.version, seen.fields["status"], seen.fields["title"], seen.own_edits) == (7, "in_progress", "Hole", 1)
    answer(tablet, verdict(edit, version=8))
    receive(tablet, more=True)
    seen = tablet.record("work_order", JOB)
    assert seen is not None
    assert seen.fields["status"] == "in_progress", "acknowledged, but the feed has not brought it yet"
    receive(tablet, job(8, status="in_progress"), more=True)
    receive(tablet, job(9, status="completed"))
    seen = tablet.record("work_order", JOB)
    assert seen is not None
    assert (seen.version, seen.fields["status"], seen.own_edits) == (9, "completed", 0)


def test_a_refused_edit_is_no_longer_shown_and_waits_for_the_person(tablet: Tablet) -> None:
    receive(tablet, job())
    tablet.update("work_order", JOB, {"status": "closed"})
    (edit,) = tablet.waiting()
    problem = {"code": "illegal_transition", "detail": "No."}
    answer(tablet, verdict(edit, "refused", None, problem=problem))
    seen = tablet.record("work_order", JOB)
    assert seen is not None
    assert seen.fields["status"] == "open"
    (refused,) = tablet.refused()
    assert refused.verdict is not None
    assert refused.verdict.problem == problem
    tablet.put_aside(refused.seq)
    assert tablet.refused() == []


def test_a_repetition_brings_the_first_verdict(tablet: Tablet) -> None:
    tablet.create("note", {"body": "one"})
    (edit,) = tablet.waiting()
    first = {"verdict": "merged", "version": 3, "conflicts": [], "problem": None}
    answer(tablet, verdict(edit, "repeated", 3, recorded=first))
    assert tablet.journal()[0].verdict == edits.Verdict("merged", 3, [], None)


def test_a_verdict_on_another_edit_under_the_same_number_is_none_of_ours(tablet: Tablet) -> None:
    tablet.create("note", {"body": "one"})
    (edit,) = tablet.waiting()
    answer(tablet, verdict(edit) | {"edit_id": JOB})
    assert tablet.waiting() == [edit]


def test_gone_takes_along_what_hangs_on_the_job_and_keeps_what_waits(tablet: Tablet) -> None:
    receive(tablet, job(), {"kind": "task", "id": "t", "version": 1, "record": {"work_order_id": JOB, "title": "Dig"}})
    tablet.update("work_order", JOB, {"status": "in_progress"})
    tablet.create("note", {"work_order_id": JOB, "body": "mine"})
    assert len(tablet.records("note")) == 1
    receive(tablet, {"kind": "work_order", "id": JOB, "gone": "reassigned"})
    assert tablet.server_records() == {}
    assert tablet.records("work_order") == tablet.records("task") == tablet.records("note") == []
    assert len(tablet.waiting()) == 2


def test_what_was_made_here_is_seen_with_all_that_hangs_on_it(tablet: Tablet) -> None:
    mine = tablet.create("work_order", {"title": "New"})
    tablet.create("note", {"work_order_id": mine, "body": "on it"})
    task = tablet.create("task", {"work_order_id": mine, "title": "Dig"})
    tablet.update("task", task, {"done": True})
    assert tablet.waiting()[-1].base_version == 0
    assert [record.fields for record in tablet.records("task", mine)] == [
        {"work_order_id": mine, "title": "Dig", "done": True}
    ]
    assert len(tablet.records("note", mine)) == 1
    tablet.delete("task", task)
    assert tablet.records("task") == []


def test_after_a_reset_the_old_records_stay_until_the_new_ones_are_complete(tablet: Tablet) -> None:
    receive(tablet, job(), {"kind": "note", "id": "n", "version": 1, "record": {"work_order_id": JOB, "body": "old"}})
    receive(tablet, job(2), reset=True, more=True)
    assert ("note", "n") in tablet.server_records()
    assert tablet.server_records()["work_order", JOB][0] == 2, "a lower version of a restored server holds"
    assert not tablet.is_complete
    receive(tablet)
    assert tablet.server_records().keys() == {("work_order", JOB)}
    assert tablet.is_complete


def test_edits_that_the_server_lost_wait_again(tablet: Tablet) -> None:
    for number in range(5):
        tablet.create("note", {"body": str(number)})
    answer(tablet, *[verdict(edit) for edit in tablet.waiting()])
    with tablet._store.transaction() as connection:
        edits.follow_server(connection, 3)
    assert [edit.seq for edit in tablet.waiting()] == [3, 4, 5]


def test_an_old_copy_of_the_file_goes_on_with_the_number_that_is_free(tablet: Tablet) -> None:
    tablet.create("note", {"body": "1"})
    answer(tablet, *[verdict(edit) for edit in tablet.waiting()])
    with tablet._store.transaction() as connection:
        edits.follow_server(connection, 9)
    tablet.create("note", {"body": "9"})
    assert [edit.seq for edit in tablet.waiting()] == [9]


def test_the_journal_is_bounded_and_says_so_when_too_much_is_asked(tablet: Tablet) -> None:
    for number in range(10):
        tablet.create("note", {"body": str(number)})
    answer(tablet, *[verdict(edit) for edit in tablet.waiting()])
    receive(tablet)
    with tablet._store.transaction() as connection:
        edits.prune(connection, SERVER_TIME, {"acknowledged_edits": 3, "acknowledged_days": 14})
    assert [edit.seq for edit in tablet.journal()] == [8, 9, 10]
    with pytest.raises(JournalTooShort) as raised, tablet._store.transaction() as connection:
        edits.follow_server(connection, 5)
    assert (raised.value.expected_seq, raised.value.oldest_seq) == (5, 8)


@pytest.mark.parametrize(
    ("limits", "days_later", "left"),
    [
        ({"acknowledged_days": 3}, 2, [1, 2, 3]), ({"acknowledged_days": 3}, 4, [3]), ({}, 13, [1, 2, 3]),
        ({}, 15, [3]), ({"acknowledged_days": None, "acknowledged_edits": "many"}, 15, [3]),
    ],
)  # fmt: skip
def test_acknowledged_edits_are_kept_for_as_long_as_the_server_says(
    tablet: Tablet, limits: dict[str, object], days_later: int, left: list[int]
) -> None:
    """By the server's clock. What waits, or was not looked at yet, stays however old it is."""
    for number in range(2):
        tablet.create("note", {"body": str(number)})
    answer(tablet, *[verdict(edit) for edit in tablet.waiting()])
    tablet.create("note", {"body": "waits"})
    receive(tablet)
    later = (datetime.fromisoformat(SERVER_TIME) + timedelta(days=days_later)).isoformat()
    with tablet._store.transaction() as connection:
        edits.prune(connection, later, limits)
    assert [edit.seq for edit in tablet.journal()] == left


def epochs(tablet: Tablet) -> list[str | None]:
    return [json.loads(row["sent"]).get("epoch") for row in tablet._store.read("SELECT sent FROM edit ORDER BY seq")]


def learn_epoch(tablet: Tablet, epoch: str) -> None:
    """What an answer of the server does."""
    with tablet._store.transaction() as connection:
        (known,) = connection.execute("SELECT epoch FROM state").fetchone()
        if known:
            edits.remember_epoch(connection, known)
        connection.execute("UPDATE state SET epoch = ?", (epoch,))


def test_an_edit_remembers_the_epoch_in_which_its_base_version_was_seen(tablet: Tablet) -> None:
    """A server that was restored gives the same versions to other things."""
    learn_epoch(tablet, "one")
    receive(tablet, job(7), epoch="one")
    tablet.update("work_order", JOB, {"title": 'brace } and "quote"'})
    tablet.update("work_order", "0197a000-0000-7000-8000-000000000009", {"title": "not seen yet"})
    tablet.create("note", {"work_order_id": JOB, "body": "new"})
    assert epochs(tablet) == [None] * 3, "an exchange says it once for all of them"
    learn_epoch(tablet, "two")
    assert epochs(tablet) == ["one", None, None], "only a version that was seen needs it"
    before = tablet.waiting()[0].fields

    tablet.update("work_order", JOB, {"title": "seen before the restore, entered after it"})
    receive(tablet, {**job(3), "id": JOB[:-1] + "2"}, reset=True, more=True, epoch="two")
    tablet.update("work_order", JOB, {"title": "its record has not come anew yet"})
    tablet.update("work_order", JOB[:-1] + "2", {"title": "this one's has"})
    assert epochs(tablet)[3:] == ["one", "one", None]
    learn_epoch(tablet, "three")
    assert epochs(tablet) == ["one", None, None, "one", "one", "two"]
    assert tablet.waiting()[0].fields == before


def test_a_tablet_that_joins_anew_sends_what_the_server_does_not_have(tablet: Tablet) -> None:
    for number in range(6):
        tablet.create("note", {"body": str(number)})
    answer(tablet, *[verdict(edit) for edit in tablet.waiting()[:3]])
    with tablet._store.transaction() as connection:
        edits.go_on_after(connection, 3, 4)
        edits.renumber(connection)
    # 1 and 2 are there. 3 was acknowledged and is lost, but was deposited like 4. 5 and 6 the server has never seen.
    assert [(edit.seq, edit.fields["body"]) for edit in tablet.journal()] == [(1, "4"), (2, "5")]


def test_what_the_server_received_without_the_tablet_s_hearing_of_it_is_not_sent_again(tablet: Tablet) -> None:
    for number in range(4):
        tablet.create("note", {"body": str(number)})
    with tablet._store.transaction() as connection:
        edits.go_on_after(connection, 3, None)
        edits.renumber(connection)
    assert [(edit.seq, edit.fields["body"]) for edit in tablet.waiting()] == [(1, "2"), (2, "3")]


def test_a_new_device_numbers_what_waits_from_one(tablet: Tablet) -> None:
    for number in range(5):
        tablet.create("note", {"body": str(number)})
    first, second, *_ = tablet.waiting()
    answer(tablet, verdict(first), verdict(second, "refused", None, problem={"code": "unknown_record"}))
    with tablet._store.transaction() as connection:
        edits.renumber(connection)
    assert [(edit.seq, edit.fields["body"]) for edit in tablet.waiting()] == [(1, "2"), (2, "3"), (3, "4")]
    assert [edit.fields["body"] for edit in tablet.refused()] == ["1"], "what the person has not seen stays"
    tablet.create("note", {"body": "5"})
    assert tablet.waiting()[-1].seq == 4


def test_a_file_of_a_newer_app_is_left_alone(path: Path, tablet: Tablet) -> None:
    with tablet._store.transaction() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreTooNew):
        Tablet(path, NOBODY)


def test_without_enrolment_nothing_is_sent(tablet: Tablet) -> None:
    with pytest.raises(NotEnrolled):
        tablet.exchange()
    with pytest.raises(NotEnrolled):
        tablet.rotate_token()


@pytest.mark.parametrize("server", ["ftp://example.org", "example.org", "http://example.org", ""])
def test_a_token_is_not_sent_in_the_open(server: str) -> None:
    with pytest.raises(ValueError, match=r"web address|use https"):
        HttpLine(server)
    HttpLine("http://example.org", open_network=True).close()
    HttpLine("https://example.org").close()
