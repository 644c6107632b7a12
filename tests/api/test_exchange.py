"""The exchange, message by message: numbers, cursors, clocks, scopes, and what a tablet is told of each."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from fieldsync.auth import tokens
from fieldsync.auth.models import Token
from fieldsync.config import EDITS_PER_EXCHANGE_MAX
from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, make_world


def note(tablet: Tablet, job: Any, **more: Any) -> Document:
    return tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "x"}, **more)


def kinds(changes: list[Document]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in changes:
        name = f"gone {change['kind']}" if "gone" in change else change["kind"]
        counts[name] = counts.get(name, 0) + 1
    return counts


def test_an_answer_has_all_its_parts(world: World) -> None:
    tablet = world.tablet()
    answer = tablet.exchange([tablet.edit("work_order", new_id(), "create", world.job())], limit=500)
    assert answer.keys() == {
        "epoch", "server_time", "expected_seq", "verdicts", "changes", "cursor", "more", "reset", "reset_because",
        "limits", "refusals_decided",
    }  # fmt: skip
    assert (answer["expected_seq"], answer["more"], answer["reset"]) == (2, False, True)
    assert answer["reset_because"] == "first"
    (verdict,) = answer["verdicts"]
    assert verdict.keys() == {
        "seq", "edit_id", "verdict", "version", "conflicts", "problem", "recorded", "refused_fields"
    }  # fmt: skip
    assert kinds(answer["changes"]) == {"jurisdiction": 1, "service_type": 1, "work_order": 1}


class TestNumbers:
    def test_a_batch_that_begins_too_late_is_refused_whole(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.seq = 2
        response = tablet.post(json.dumps(tablet.document([note(tablet, job), note(tablet, job)])))
        assert (response.status_code, response.json["code"]) == (409, "sequence_gap")
        assert (response.json["expected_seq"], response.json["field"]) == (2, "edits")
        assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p") == 1

    def test_a_hole_within_a_batch_is_refused_whole(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        batch = [note(tablet, job, seq=seq) for seq in (2, 3, 5)]
        response = tablet.post(json.dumps(tablet.document(batch)))
        assert (response.status_code, response.json["expected_seq"]) == (409, 2)
        assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p") == 1

    def test_a_hole_that_an_unreadable_edit_leaves_is_none(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        batch = [note(tablet, job, seq=2), {"seq": 3, "what": "is this?"}, note(tablet, job, seq=4)]
        answer = tablet.exchange(batch)
        assert [v["verdict"] for v in answer["verdicts"]] == ["applied", "refused", "applied"]
        assert answer["expected_seq"] == 5

    def test_nothing_but_an_unreadable_edit(self, world: World) -> None:
        tablet = world.tablet()
        answer = tablet.exchange([{"seq": 1, "edit_id": 7, "kind": []}])
        assert [v["problem"]["code"] for v in answer["verdicts"]] == ["malformed_edit"]
        assert answer["expected_seq"] == 2

    def test_a_tablet_that_begins_anew_at_1_is_told(self, world: World) -> None:
        """Its store was deleted, say: nothing that it sends replaces what is there, and it learns its number."""
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.seq = 0
        answer = tablet.exchange([note(tablet, job)])
        assert [v["problem"]["code"] for v in answer["verdicts"]] == ["edit_reused"]
        assert answer["expected_seq"] == 2

    def test_two_edits_with_the_next_number(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        first, second = note(tablet, job, seq=2), note(tablet, job, seq=2)
        verdicts = tablet.push(first, second, first)
        told = sorted((v["edit_id"] == first["edit_id"], v["verdict"]) for v in verdicts)
        assert told == [(False, "refused"), (True, "applied"), (True, "repeated")]
        assert world.value("SELECT count(*) FROM note WHERE partnership_id = :p") == 1

    def test_a_shuffled_batch_takes_effect_in_the_order_of_its_numbers(self, world: World) -> None:
        tablet = world.tablet()
        job = new_id()
        batch = [tablet.edit("work_order", job, "create", world.job())]
        batch += [tablet.edit("work_order", job, "update", {"title": str(n)}, 0) for n in range(5)]
        verdicts = tablet.push(*batch[3:], *batch[:3])
        assert [(v["seq"], v["version"]) for v in verdicts] == [(n, n) for n in range(1, 7)]
        assert world.value("SELECT title FROM work_order WHERE partnership_id = :p") == "4"

    def test_as_many_edits_as_are_allowed(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        verdicts = tablet.push(*[note(tablet, job) for _ in range(EDITS_PER_EXCHANGE_MAX)])
        assert {v["verdict"] for v in verdicts} == {"applied"}

    def test_the_same_edit_spelled_otherwise_is_the_same(self, world: World) -> None:
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job(title="Größe"), at="2026-03-01T08:00:00Z")
        tablet.push(edit)
        other = edit | {"record_id": edit["record_id"].upper(), "edit_id": edit["edit_id"].upper()}
        other |= {"observed_at": "2026-03-01T09:00:00+01:00", "fields": dict(reversed(edit["fields"].items()))}
        assert [v["verdict"] for v in tablet.push(other)] == ["repeated"]

    def test_what_a_later_protocol_may_add_is_passed_over(self, world: World) -> None:
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job()) | {"mood": "good"}
        assert [v["verdict"] for v in tablet.exchange([edit], battery=0.7)["verdicts"]] == ["applied"]


class TestWhoAsks:
    def test_nobody(self, world: World) -> None:
        response = world.client.post("/v1/sync", json={})
        assert (response.status_code, response.json["code"]) == (401, "not_authenticated")

    def test_a_revoked_tablet(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        world.run("UPDATE device SET revoked_at = now() WHERE partnership_id = :p AND id = :id", id=tablet.device_id)
        assert tablet.post(json.dumps(tablet.document([note(tablet, job)], limit=500))).status_code == 401
        assert world.value("SELECT count(*) FROM note WHERE partnership_id = :p") == 0

    def test_an_office(self, world: World) -> None:
        token, token_hash = tokens.make("session", world.partnership_id)
        with world.session() as session:
            session.add(
                Token(partnership_id=world.partnership_id, token_hash=token_hash, id=new_id(),
                      staff_id=world.staff_id, purpose="session")
            )  # fmt: skip
        response = world.client.post("/v1/sync", json={}, headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.json["code"]) == (403, "not_allowed")

    def test_verdicts_of_others_are_not_there(self, world: World, sync_app: Flask) -> None:
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job())
        tablet.push(edit)
        assert tablet.verdict(edit["edit_id"]).json["fields"] == edit["fields"]
        for stranger in (world.tablet(), world.tablet(1), make_world(sync_app).tablet()):
            assert stranger.verdict(edit["edit_id"]).status_code == 404
        for unknown in (uuid4(), "none", "0" * 400):
            assert tablet.verdict(str(unknown)).status_code == 404


class TestCursors:
    def test_a_place_in_the_feed(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        assert kinds(tablet.pull()) == {"jurisdiction": 1, "service_type": 1, "work_order": 1}
        assert tablet.pull() == []
        tablet.push(note(tablet, job))
        assert kinds(tablet.pull()) == {"note": 1}

    @pytest.mark.parametrize("cursor", [
        "", "x", "AAAA", "A" * 200, "é" * 20, "../..", base64.urlsafe_b64encode(bytes(58)).decode(),
        base64.urlsafe_b64encode(b"\1" + b"\xff" * 57).decode(), base64.urlsafe_b64encode(b"\2" + bytes(57)).decode(),
    ])  # fmt: skip
    def test_a_cursor_that_means_nothing_starts_anew(self, world: World, cursor: str) -> None:
        tablet = world.tablet()
        tablet.new_job()
        answer = tablet.exchange(limit=500, cursor=cursor)
        assert (answer["reset"], answer["more"]) == (True, False)
        assert kinds(answer["changes"]) == {"jurisdiction": 1, "service_type": 1, "work_order": 1}

    def test_a_cursor_of_another_partnership_brings_nothing_of_it(self, world: World, sync_app: Flask) -> None:
        elsewhere = make_world(sync_app)
        foreign = elsewhere.tablet()
        for _ in range(3):
            foreign.new_job()
        foreign.pull()
        tablet = world.tablet()
        answer = tablet.exchange(limit=500, cursor=foreign.cursor)
        assert answer["reset"] is True
        assert kinds(answer["changes"]) == {"jurisdiction": 1, "service_type": 1}

    def test_a_tablet_of_another_crew_by_now_starts_anew(self, world: World) -> None:
        tablet = world.tablet()
        tablet.new_job()
        tablet.pull()
        world.run("UPDATE device SET crew_id = :crew WHERE id = :id", crew=world.crew_ids[1], id=tablet.device_id)
        answer = tablet.exchange(limit=500)
        assert answer["reset"] is True
        assert kinds(answer["changes"]) == {"jurisdiction": 1, "service_type": 1}

    def test_a_restored_database_has_another_epoch(self, world: World) -> None:
        tablet = world.tablet()
        epoch = tablet.exchange(limit=500)["epoch"]
        tablet.pull()
        world.run("UPDATE head SET epoch = gen_random_uuid() WHERE partnership_id = :p")
        answer = tablet.exchange(limit=500, epoch=epoch)
        assert answer["reset"] is True
        assert answer["epoch"] != epoch

    def test_while_a_long_queue_is_sent_nothing_is_pulled(self, world: World) -> None:
        tablet = world.tablet()
        tablet.pull()
        answer = tablet.exchange([tablet.edit("work_order", new_id(), "create", world.job())], limit=0)
        assert (answer["changes"], answer["cursor"], answer["more"]) == ([], tablet.cursor, True)
        assert kinds(tablet.pull()) == {"work_order": 1}

    @pytest.mark.parametrize("limit", [1, 2, 3, 1000])
    def test_pages_of_any_size_are_the_same_feed(self, world: World, limit: int) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.pull()
        # All in one change: the place within it counts.
        tablet.push(*[note(tablet, job) for _ in range(7)])
        world.assign(job, 1)
        world.assign(job, 0)
        for start, met in (
            (tablet.cursor, {"gone work_order": 1, "work_order": 1, "note": 7}),
            # What left before a download began is not told in it.
            (None, {"jurisdiction": 1, "service_type": 1, "work_order": 1, "note": 7}),
        ):
            tablet.cursor = start
            expected = tablet.pull(500)
            tablet.cursor = start
            assert tablet.pull(limit) == expected
            assert kinds(expected) == met


class TestClocks:
    def test_a_clock_a_day_ahead_does_not_win(self, world: World) -> None:
        ahead, right = world.tablet(skew_s=86_400), world.tablet()
        job = right.new_job()
        ahead.push(ahead.edit("work_order", job, "update", {"title": "first"}, 1))
        (verdict,) = right.push(right.edit("work_order", job, "update", {"title": "second"}, 1))
        assert verdict["verdict"] == "conflicted"
        assert world.value("SELECT title FROM work_order WHERE partnership_id = :p") == "second"

    def test_a_clock_a_day_behind_does_not_lose(self, world: World) -> None:
        behind, right = world.tablet(skew_s=-86_400), world.tablet()
        job = right.new_job()
        right.push(right.edit("work_order", job, "update", {"title": "first"}, 1))
        behind.push(behind.edit("work_order", job, "update", {"title": "second"}, 1))
        assert world.value("SELECT title FROM work_order WHERE partnership_id = :p") == "second"

    def test_what_was_observed_earlier_and_comes_later_loses_and_is_kept(self, world: World) -> None:
        offline, online = world.tablet(), world.tablet()
        job = online.new_job()
        early = offline.now() - timedelta(hours=5)
        online.push(online.edit("work_order", job, "update", {"title": "later"}, 1))
        (verdict,) = offline.push(offline.edit("work_order", job, "update", {"title": "earlier"}, 1, at=early))
        (conflict,) = verdict["conflicts"]
        assert (conflict["kept"], conflict["other"], conflict["base"]) == ("later", "earlier", "Pothole")
        assert (conflict["policy"], conflict["state"]) == ("latest", "settled")

    def test_nothing_happens_after_it_was_received(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.push(note(tablet, job, at=tablet.now() + timedelta(days=300)))
        for row in world.rows("SELECT happened_at, received_at FROM journal WHERE partnership_id = :p"):
            assert row["happened_at"] <= row["received_at"]

    def test_the_skew_is_kept_with_the_tablet(self, world: World) -> None:
        tablet = world.tablet(skew_s=-3600)
        answer = tablet.exchange(app_version="7.1 (beta)")
        row = world.rows("SELECT * FROM device WHERE id = :id", id=tablet.device_id)[0]
        assert row["skew_ms"] == pytest.approx(3_600_000, abs=10_000)
        assert row["app_version"] == "7.1 (beta)"
        assert row["last_seen_at"] == datetime.fromisoformat(answer["server_time"])

    @pytest.mark.parametrize("sent_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_a_clock_that_shows_anything(self, world: World, sent_at: str) -> None:
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job())
        answer = tablet.exchange([edit], limit=500, sent_at=sent_at)
        assert [v["verdict"] for v in answer["verdicts"]] == ["applied"]
        assert world.tablet().exchange(sent_at=sent_at)["expected_seq"] == 1


class TestScope:
    def test_a_job_changes_hands_with_all_that_is_on_it(self, world: World) -> None:
        losing, gaining = world.tablet(0), world.tablet(1)
        job, task = losing.new_job(), new_id()
        of_job = {"work_order_id": str(job)}
        losing.push(note(losing, job), losing.edit("task", task, "create", of_job | {"title": "dig"}))
        for tablet in (losing, gaining):
            tablet.pull()
        world.assign(job, 1)
        assert [(c["kind"], c["id"], c["gone"]) for c in losing.pull()] == [("work_order", str(job), "reassigned")]
        assert kinds(gaining.pull()) == {"work_order": 1, "task": 1, "note": 1}
        world.assign(job, None)
        assert [c["gone"] for c in gaining.pull()] == ["unassigned"]
        world.assign(job, 0)
        assert kinds(losing.pull()) == {"work_order": 1, "task": 1, "note": 1}

    def test_work_on_a_job_that_has_moved_is_kept_for_a_person(self, world: World) -> None:
        tablet = world.tablet(0)
        job = tablet.new_job()
        tablet.pull()
        world.assign(job, 1)
        verdicts = tablet.push(tablet.edit("work_order", job, "update", {"status": "completed"}, 1), note(tablet, job))
        assert [v["verdict"] for v in verdicts] == ["conflicted", "applied"]
        (conflict,) = verdicts[0]["conflicts"]
        assert (conflict["sort"], conflict["state"], conflict["other"]) == ("custody", "open", "completed")
        assert kinds(world.tablet(1).pull())["note"] == 1
        assert kinds(tablet.pull()) == {"gone work_order": 1}

    def test_a_deleted_job_is_gone_and_an_edit_of_it_is_kept(self, world: World) -> None:
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.pull()
        world.office("work_order", job, "delete", 1)
        (verdict,) = tablet.push(tablet.edit("work_order", job, "update", {"asset": "A1"}, 1))
        assert [c["sort"] for c in verdict["conflicts"]] == ["deleted"]
        assert [c["gone"] for c in tablet.pull()] == ["deleted"]
        world.office("work_order", job, "restore", 2)
        assert kinds(tablet.pull()) == {"work_order": 1}

    def test_what_another_tablet_did_to_a_task_that_was_deleted_meanwhile_is_kept(self, world: World) -> None:
        deleting, editing = world.tablet(), world.tablet()
        job, task = deleting.new_job(), new_id()
        deleting.push(deleting.edit("task", task, "create", {"work_order_id": str(job), "title": "dig"}))
        editing.pull()
        deleting.push(deleting.edit("task", task, "delete", {}, 1))
        (verdict,) = editing.push(editing.edit("task", task, "update", {"result": "deep"}, 1))
        (conflict,) = verdict["conflicts"]
        assert (verdict["verdict"], conflict["sort"], conflict["other"]) == ("conflicted", "deleted", "deep")
        assert [(c["kind"], c["gone"]) for c in editing.pull()] == [("task", "deleted")]

    @pytest.mark.parametrize("together", [True, False])
    def test_a_task_that_was_made_and_deleted_offline(self, world: World, together: bool) -> None:
        """In one batch or in two, it is deleted, and a late edit of it is kept."""
        tablet = world.tablet()
        job, task = tablet.new_job(), new_id()
        made = tablet.edit("task", task, "create", {"work_order_id": str(job), "title": "dig"})
        deleted = tablet.edit("task", task, "delete", {}, 0)
        late = tablet.edit("task", task, "update", {"title": "fill"}, 0)
        batches = [[made, deleted], [late]] if together else [[made], [deleted, late]]
        verdicts = [v["verdict"] for batch in batches for v in tablet.push(*batch)]
        assert verdicts == ["applied", "applied", "conflicted"]
        assert world.value("SELECT deleted_at IS NOT NULL FROM task WHERE partnership_id = :p") is True
        assert "task" not in kinds(world.tablet().pull())
        laws.a_replay_gives_the_same(world)

    def test_records_of_two_kinds_with_one_id_have_nothing_to_do_with_each_other(self, world: World) -> None:
        tablet, other = world.tablet(), world.tablet()
        same = tablet.new_job()
        tablet.push(
            tablet.edit("task", same, "create", {"work_order_id": str(same), "title": "dig"}),
            tablet.edit("work_order", same, "update", {"title": "Hole"}, 1),
        )
        other.push(other.edit("task", same, "update", {"title": "fill"}, 1))
        verdicts = tablet.push(
            tablet.edit("work_order", same, "update", {"title": "Deep hole"}, 1),
            tablet.edit("task", same, "update", {"position": 2}, 1),
        )
        assert [v["verdict"] for v in verdicts] == ["applied", "merged"]
