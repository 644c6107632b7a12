"""The board of some days: crews with their days, what is planned and what clashes, what waits."""

from __future__ import annotations

import threading
from datetime import date, datetime
from typing import Any

import pytest

from fieldsync.dispatch.board import read
from tests.api.board.scene import DAYS, EAST, NEAR, NOWHERE, WEST, Scene, at
from tests.api.office.world import World


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestDays:
    def test_have_shifts_people_and_load(self, scene: Scene) -> None:
        scene.world.ask("PATCH", f"/crews/{scene.crew('alpha')}", "admin", json={"depot": WEST})
        scene.made(
            f"/crews/{scene.crew('alpha')}/memberships",
            {"member_id": str(scene.world.member), "since": "2029-01-01", "is_lead": True},
        )
        first = scene.job(title="Deep hole", priority=1, due_at=at(18))
        scene.assigned(first, hour=8, minutes=90)
        scene.assigned(scene.job(NEAR), hour=10, minutes=60)
        board = scene.board()
        assert scene.names(board) == ["alpha", "beta", "gamma"]
        assert (board["starts"], board["ends"]) == ("2030-03-04T00:00:00Z", "2030-03-09T00:00:00Z")
        alpha = scene.crew_on(board, "alpha")
        assert alpha["own"]
        assert [day["day"] for day in alpha["days"]] == [f"2030-03-0{number}" for number in range(4, 9)]
        monday, tuesday = alpha["days"][:2]
        assert monday["shifts"] == [{"starts": "2030-03-04T07:00:00Z", "ends": "2030-03-04T15:00:00Z"}]
        assert monday["lead"]["name"] == "Maria"
        assert monday["people"] == 1
        # Twice the 1.1 km at 40 km/h, roads 1.3 times as long: 2 × 2.2 minutes.
        assert (monday["work_minutes"], monday["travel_minutes"], monday["load_minutes"]) == (150, 5, 155)
        assert (monday["capacity_minutes"], monday["over_minutes"]) == (480, 0)
        assert (tuesday["load_minutes"], tuesday["capacity_minutes"]) == (0, 480)
        one, two = alpha["assignments"]
        assert one["work_order"]["title"] == "Deep hole"
        assert moment(one["work_order"]["due"]) == moment(at(18))
        assert (one["travel_minutes"], two["travel_minutes"]) == (0.0, 2.2)
        assert one["clashes"] == two["clashes"] == []
        assert one["etag"] == '"1"'

    def test_a_full_day_says_by_how_much(self, scene: Scene) -> None:
        scene.world.ask("PATCH", f"/crews/{scene.crew('alpha')}", "admin", json={"capacity_minutes": 60})
        scene.assigned(scene.job(), hour=8, minutes=90, override=True, reason="Urgent")
        alpha = scene.crew_on(scene.board(), "alpha")
        assert alpha["days"][0]["over_minutes"] == 30
        assert [clash["code"] for clash in alpha["assignments"][0]["clashes"]] == ["capacity_exceeded"]

    def test_a_done_assignment_stays_and_takes_no_more_of_the_day(self, scene: Scene) -> None:
        job = scene.job(crew="alpha")
        scene.assigned(job, hour=8)
        scene.run("UPDATE assignment SET starts_at = starts_at - interval '10 years',"
                  " ends_at = ends_at - interval '10 years' WHERE partnership_id = :p")  # fmt: skip
        scene.world.change(scene.world.read(job), status="completed")
        scene.run("UPDATE assignment SET starts_at = starts_at + interval '10 years',"
                  " ends_at = ends_at + interval '10 years' WHERE partnership_id = :p")  # fmt: skip
        alpha = scene.crew_on(scene.board(), "alpha")
        (done,) = alpha["assignments"]
        assert (done["state"], done["clashes"], done["travel_minutes"]) == ("done", [], None)
        assert (alpha["days"][0]["load_minutes"], alpha["days"][0]["done_minutes"]) == (0, 60)

    def test_what_reaches_over_the_edge_is_shown(self, scene: Scene) -> None:
        over = {"override": True, "reason": "Night"}
        scene.assigned(scene.job(), hour=23, minutes=120, day=-1, **over)
        scene.assigned(scene.job(), hour=23, minutes=120, day=4, **over)
        scene.assigned(scene.job(), hour=1, minutes=60, day=5, **over)
        assert len(scene.crew_on(scene.board(), "alpha")["assignments"]) == 2
        assert len(scene.crew_on(scene.board(), "alpha")["days"]) == 5

    def test_are_those_of_the_partnerships_zone(self, scene: Scene) -> None:
        scene.run("UPDATE partnership SET time_zone = 'America/New_York' WHERE id = :p")
        board = scene.board(to="2030-03-10")
        # The clocks change on the tenth.
        assert (board["starts"], board["ends"]) == ("2030-03-04T05:00:00Z", "2030-03-11T04:00:00Z")
        assert board["time_zone"] == "America/New_York"
        alpha = scene.crew_on(board, "alpha")
        assert alpha["days"][-1]["ends"] == "2030-03-11T04:00:00Z"
        assert alpha["days"][0]["shifts"][0]["starts"] == "2030-03-04T12:00:00Z"

    @pytest.mark.parametrize(
        "asked", [{"to": "2030-03-18"}, {"to": "2030-03-03"}, {"from": "1200-01-01"}, {"to": None}, {"limit": 501}]
    )
    def test_are_not_too_many(self, scene: Scene, asked: dict[str, Any]) -> None:
        given = {name: value for name, value in (DAYS | asked).items() if value is not None}
        answer = scene.world.ask("GET", "/board", query_string=given)
        assert answer.status_code == 422, answer.json
        assert answer.json is not None
        assert answer.json["field"] in asked

    def test_may_be_fourteen(self, scene: Scene) -> None:
        assert len(scene.crew_on(scene.board(to="2030-03-17"), "alpha")["days"]) == 14


class TestClashes:
    def test_an_absence_that_was_entered_afterwards(self, scene: Scene) -> None:
        scene.assigned(scene.job(), hour=8)
        away = {"starts_at": at(7), "ends_at": at(9), "reason": "Doctor"}
        scene.made(f"/crews/{scene.crew('alpha')}/absences", away)
        alpha = scene.crew_on(scene.board(), "alpha")
        (clash,) = alpha["assignments"][0]["clashes"]
        assert clash["code"] == "crew_away"
        assert clash["sentence"].startswith("The crew is away from 2030-03-04 07:00")
        assert alpha["days"][0]["away"] == [{"starts": "2030-03-04T07:00:00Z", "ends": "2030-03-04T09:00:00Z"}]

    def test_a_shift_that_was_taken_away(self, scene: Scene) -> None:
        scene.assigned(scene.job(), hour=8)
        scene.run("DELETE FROM shift WHERE partnership_id = :p AND weekday = 1")
        (planned,) = scene.crew_on(scene.board(), "alpha")["assignments"]
        assert [clash["code"] for clash in planned["clashes"]] == ["no_shift", "capacity_exceeded"]

    def test_a_job_that_was_moved_too_far_away(self, scene: Scene) -> None:
        scene.assigned(scene.job(), hour=8)
        other = scene.job()
        scene.assigned(other, hour=9)
        scene.world.change(scene.world.read(other), location={"lon": -79.95, "lat": 40.9})
        one, two = scene.crew_on(scene.board(), "alpha")["assignments"]
        assert [clash["code"] for clash in one["clashes"]] == ["way_on_too_long"]
        assert [clash["code"] for clash in two["clashes"]] == ["way_there_too_long"]
        assert two["travel_minutes"] > 60

    def test_a_grant_that_was_lost(self, scene: Scene) -> None:
        term = scene.agree()
        scene.assigned(scene.job(EAST), "alpha", hour=8)
        scene.run("DELETE FROM agreement_term WHERE partnership_id = :p AND id = :id", id=term)
        # Also east sees it, though alpha is not hers to send any more.
        for by in ("dispatcher", "of west", "of east"):
            (planned,) = scene.crew_on(scene.board(by), "alpha")["assignments"]
            assert [clash["code"] for clash in planned["clashes"]] == ["no_agreement"]

    def test_a_crew_that_was_disbanded(self, scene: Scene) -> None:
        assert scene.names(scene.board()) == ["alpha", "beta", "gamma"]
        scene.assigned(scene.job(), "alpha", hour=8)
        scene.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND code <> 'gamma'")
        board = scene.board()
        assert scene.names(board) == ["alpha", "gamma"]
        (planned,) = scene.crew_on(board, "alpha")["assignments"]
        assert [clash["code"] for clash in planned["clashes"]] == ["crew_disbanded"]

    def test_a_cap_is_not_one(self, scene: Scene) -> None:
        scene.agree(cap_minutes=60, cap_period="week")
        scene.assigned(scene.job(EAST), "alpha", hour=8)
        (planned,) = scene.crew_on(scene.board(), "alpha")["assignments"]
        assert planned["clashes"] == []


class TestWhoSeesWhat:
    def test_own_crews_and_those_that_are_lent(self, scene: Scene) -> None:
        assert scene.names(scene.board("of west")) == ["alpha", "beta"]
        assert scene.names(scene.board("of east")) == ["gamma"]
        scene.agree(crew_ids=[scene.world.crews["beta"]])
        assert scene.names(scene.board("of west")) == ["alpha", "beta"]
        assert scene.names(scene.board("of east")) == ["beta", "gamma"]
        assert [crew["own"] for crew in scene.board("of east")["crews"]] == [False, True]

    def test_a_clash_with_what_it_does_for_others_does_not_name_that(self, scene: Scene) -> None:
        scene.agree()
        elsewhere = scene.job(WEST)
        home = scene.assigned(elsewhere, "alpha", hour=8)
        scene.assigned(scene.job(EAST), "alpha", hour=9, override=True, reason="Soon enough")
        board = scene.board("of east")
        (clash,) = scene.crew_on(board, "alpha")["assignments"][1]["clashes"]
        assert (clash["code"], clash["work_order_id"], clash["assignment_id"]) == ("way_there_too_long", None, None)
        assert elsewhere not in str(board)
        assert elsewhere in str(scene.board("of west"))
        assert home["id"] in str(scene.board("of west"))

    def test_an_agreement_counts_in_its_time(self, scene: Scene) -> None:
        scene.agree(ends_on=date(2030, 3, 5))
        assert scene.names(scene.board("of east")) == ["alpha", "beta", "gamma"]
        assert scene.names(scene.board("of east", **{"from": "2030-03-06"})) == ["gamma"]

    def test_of_a_lent_crew_what_it_does_for_others_is_only_busy_time(self, scene: Scene) -> None:
        scene.agree()
        scene.assigned(scene.job(WEST, title="A secret of west"), "alpha", hour=8)
        scene.assigned(scene.job(EAST, title="A wish of east"), "alpha", hour=13, override=True, reason="Far")
        away = {"starts_at": at(7, 1), "ends_at": at(9, 1), "reason": "Doctor"}
        scene.made(f"/members/{scene.world.member}/absences", away)
        scene.made(
            f"/crews/{scene.crew('alpha')}/memberships", {"member_id": str(scene.world.member), "since": "2029-01-01"}
        )
        alpha = scene.crew_on(scene.board("of east"), "alpha")
        busy, hers = alpha["assignments"]
        assert (busy["starts_at"], busy["minutes"]) == ("2030-03-04T08:00:00Z", 60)
        hidden = ("version", "etag", "pinned", "grant_id", "work_order", "travel_minutes")
        assert {busy[name] for name in hidden} == {None}
        assert hers["work_order"]["title"] == "A wish of east"
        assert "secret" not in str(alpha)
        # Its load is known, its people are not.
        assert alpha["days"][0]["work_minutes"] == 120
        assert alpha["days"][1]["absent"] == []
        # Its home sees all of it.
        home = scene.crew_on(scene.board("of west"), "alpha")
        assert [one["work_order"]["title"] for one in home["assignments"]] == ["A secret of west", "A wish of east"]
        (absent,) = home["days"][1]["absent"]
        assert (absent["name"], absent["starts"]) == ("Maria", "2030-03-05T07:00:00Z")

    def test_as_one_of_her_jurisdictions(self, scene: Scene) -> None:
        scene.job(WEST)
        scene.job(EAST)
        west = str(scene.world.towns["west"])
        as_west, own = scene.board(jurisdiction_id=west), scene.board("of west")
        for name in ("crews", "unassigned", "counts"):
            assert as_west[name] == own[name]
        # What is not hers is empty, whether or not it is there.
        for other in (west, "00000000-0000-0000-0000-000000000000"):
            board = scene.board("of east", jurisdiction_id=other)
            assert (board["crews"], board["unassigned"]["items"], board["counts"]["unassigned"]) == ([], [], [])

    def test_another_partnership_sees_nothing(self, scene: Scene, elsewhere: World) -> None:
        scene.assigned(scene.job(), hour=8)
        board = Scene(elsewhere).board()
        assert {crew["id"] for crew in board["crews"]}.isdisjoint(str(id_) for id_ in scene.world.crews.values())
        assert board["unassigned"]["items"] == []

    def test_others_do_not(self, scene: Scene) -> None:
        for path in ("/board", "/board/jobs", "/board/changes"):
            for by in ("gis", "alpha"):
                assert scene.world.ask("GET", path, by, query_string=DAYS | {"since": 0}).status_code == 403


class TestWhatWaits:
    def test_the_soonest_due_comes_first(self, scene: Scene) -> None:
        later, never, soon = scene.job(due_at=at(9, 3)), scene.job(), scene.job(due_at=at(9))
        board = scene.board()
        assert [job["id"] for job in board["unassigned"]["items"]] == [soon, later, never]
        (waiting,) = board["counts"]["unassigned"]
        assert moment(waiting.pop("next_due")) == moment(at(9))
        assert waiting == {"jurisdiction_id": str(scene.world.towns["west"]), "jobs": 3, "overdue": 0}

    def test_a_service_level_may_come_before_what_was_entered(self, scene: Scene) -> None:
        one, two = scene.job(due_at=at(9)), scene.job(due_at=at(10))
        scene.run(
            "UPDATE work_order SET respond_by = '2030-03-04T06:00Z' WHERE partnership_id = :p AND id = :id", id=two
        )
        items = scene.board()["unassigned"]["items"]
        assert [job["id"] for job in items] == [two, one]
        assert moment(items[0]["due"]) == moment(items[0]["respond_by"]) == moment(at(6))

    def test_pages_give_each_once(self, scene: Scene) -> None:
        wanted = [scene.job(due_at=at(9)) for _ in range(4)] + [scene.job() for _ in range(4)]
        board = scene.board(limit=3)
        items, next_ = board["unassigned"]["items"], board["unassigned"]["next"]
        while next_ is not None:
            answer = scene.world.ask("GET", "/board/jobs", query_string={"limit": 1, "cursor": next_})
            assert answer.status_code == 200, answer.json
            assert answer.json is not None
            items, next_ = items + answer.json["items"], answer.json["next"]
        assert sorted(job["id"] for job in items) == sorted(wanted)
        assert [job["due"] is None for job in items] == [False] * 4 + [True] * 4

    @pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIiwgImIiXQ"])
    def test_a_cursor_that_is_none_is_refused(self, scene: Scene, cursor: str) -> None:
        answer = scene.world.ask("GET", "/board/jobs", query_string={"cursor": cursor})
        assert answer.status_code == 422
        assert answer.json is not None
        assert answer.json["field"] == "cursor"

    def test_only_what_is_open_and_has_no_plan(self, scene: Scene) -> None:
        planned, past = scene.job(), scene.job()
        scene.assigned(planned, hour=8)
        scene.assigned(past, hour=8, day=1)
        scene.run("UPDATE assignment SET starts_at = '2020-01-01Z', ends_at = '2020-01-01 01:00Z'"
                  " WHERE partnership_id = :p AND work_order_id = :id", id=past)  # fmt: skip
        begun, deleted, cancelled = scene.job(status="in_progress"), scene.job(), scene.job()
        scene.world.ask("DELETE", f"/work-orders/{deleted}", if_match='"1"')
        scene.world.ask("POST", f"/work-orders/{cancelled}/cancellation", if_match='"1"', json={"reason": "No"})
        waiting = {job["id"] for job in scene.board()["unassigned"]["items"]}
        assert waiting == {past, begun}

    def test_triage_conflicts_and_breaches_are_counted(self, scene: Scene) -> None:
        scene.job(NOWHERE)
        job = scene.job(EAST, crew="gamma")
        scene.run("UPDATE work_order SET respond_by = '2020-01-01Z', resolve_by = '2040-01-01Z'"
                  " WHERE partnership_id = :p AND id = :id", id=job)  # fmt: skip
        scene.world.change(scene.world.read(job), description="flat")
        verdict = scene.tablet("gamma").edit("work_order", job, "update", 1, description="deep")
        assert verdict["verdict"] == "conflicted"
        counts = scene.board()["counts"]
        assert sum(counts["conflicts"].values()) == 1
        assert counts["triage"] == {"outside": 1}
        assert counts["breached"] == {"response": 1, "resolution": 0}
        west = scene.board("of west")["counts"]
        assert (west["conflicts"], west["triage"], west["breached"]["response"]) == ({}, {}, 0)
        assert scene.board("of east")["counts"]["conflicts"] == counts["conflicts"]


class TestOneMoment:
    def test_everything_is_of_one_snapshot(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is written while the board is read is not in it, and comes as a change."""
        before = scene.board()
        written: list[str] = []
        counts = read._counts

        def write_first(reader: Any) -> Any:
            if not written:
                # On a connection of its own, as another process would.
                other = threading.Thread(target=lambda: written.append(scene.job()))
                other.start()
                other.join()
            return counts(reader)

        monkeypatch.setattr(read, "_counts", write_first)
        board = scene.board()
        assert written
        assert board["change"] == before["change"]
        assert board["counts"] == before["counts"]
        since = {"since": board["change"], "seen_at": board["at"], "epoch": board["epoch"]}
        answer = scene.world.ask("GET", "/board/changes", query_string=DAYS | since)
        assert answer.json is not None
        assert [job["id"] for job in answer.json["jobs"]] == written
