"""The list and its filters, keyset pages of everything, and who could help."""

from __future__ import annotations

from typing import Any

import pytest

from fieldsync.agreements.requests.read import HISTORY_SHOWN
from tests.api.requests.mutual import DAY, PATH, Mutual, at, refusal, said


def titles(world: Mutual, by: str = "dispatcher", **query: Any) -> list[str]:
    answer = said(world.ask("GET", PATH, by, query_string=query))
    assert answer["next"] is None
    return [item["title"] for item in answer["items"]]


def all_pages(world: Mutual, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = said(world.ask("GET", path, query_string=query))
        assert len(answer["items"]) <= query["limit"]
        found += answer["items"]
        if answer["next"] is None:
            return found
        query["cursor"] = answer["next"]


@pytest.fixture
def four(world: Mutual) -> Mutual:
    """Four requests in the order of their begin: over, filled, open, cancelled."""
    over = world.new(title="over", starts_at=at(0), ends_at=at(2), skill="saw")
    world.shift(over["id"], 4 * DAY)
    filled = world.new(title="filled", skill="saw")
    said(world.step("accept", world.offer(filled), "of west"))
    world.new("of east", title="open", jurisdiction_id=str(world.towns["east"]), starts_at=at(3), ends_at=at(9),
              service_type_id=str(world.signal))  # fmt: skip
    said(world.end("cancel", world.new(title="cancelled", starts_at=at(8), ends_at=at(10))))
    return world


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["over", "filled", "open", "cancelled"]),
        ({"state": "open"}, ["open"]),
        ({"state": ["closed", "filled"]}, ["over", "filled"]),
        ({"state": "cancelled"}, ["cancelled"]),
        ({"skill": "saw"}, ["over", "filled"]),
        ({"skill": "tar"}, []),
        ({"from": at(0)}, ["filled", "open", "cancelled"]),
        ({"from": at(5.5)}, ["open", "cancelled"]),
        ({"to": at(2)}, ["over", "filled"]),
        ({"from": at(2), "to": at(4)}, ["filled", "open"]),
        ({"state": "open", "skill": "saw"}, []),
    ],
)
def test_filters(four: Mutual, query: dict[str, Any], expected: list[str]) -> None:
    assert titles(four, **query) == expected


def test_filters_by_who(four: Mutual) -> None:
    west, east, south = (str(four.towns[name]) for name in ("west", "east", "south"))
    assert titles(four, jurisdiction_id=east) == ["open"]
    assert titles(four, helper_id=east) == ["filled"]
    assert titles(four, helper_id=south) == titles(four, jurisdiction_id=south) == []
    assert titles(four, service_type_id=str(four.signal)) == ["open"]
    assert titles(four, "of west", side="mine") == titles(four, jurisdiction_id=west)
    assert titles(four, "of west", side="others") == ["open"]
    assert titles(four, "of south", side="mine") == []
    assert titles(four, "of both", side="others") == []
    # A role for the whole partnership is one for all of it.
    assert len(titles(four, side="mine")) == 4
    assert titles(four, side="others") == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "lost"}, {"side": "ours"}, {"from": "today"}, {"to": "2026-01-01T00:00:00"}, {"from": "0001-01-01"},
        {"jurisdiction_id": "west"}, {"skill": "a\0"}, {"limit": 0}, {"limit": 501}, {"cursor": "x"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_the_list_does_not_take(world: Mutual, query: dict[str, Any]) -> None:
    assert refusal(world.ask("GET", PATH, query_string=query)) == (422, "invalid_value")


@pytest.mark.parametrize("part", ["history", "helpers"])
def test_a_cursor_of_another_list(world: Mutual, part: str) -> None:
    world.new()
    request = world.new()
    cursor = said(world.ask("GET", PATH, query_string={"limit": 1}))["next"]
    answer = world.ask("GET", f"{PATH}/{request['id']}/{part}", query_string={"cursor": cursor})
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "cursor")  # type: ignore[index]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_put_together_are_the_list(world: Mutual, limit: int) -> None:
    start = at(2)
    made = [world.new(title=str(n), starts_at=start if n % 2 else at(1)) for n in range(7)]
    found = all_pages(world, PATH, limit=limit)
    assert [(item["starts_at"], item["id"]) for item in found] == sorted((m["starts_at"], m["id"]) for m in made)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_of_history_and_helpers(world: Mutual, limit: int) -> None:
    request, _ = world.accepted(crews_wanted=3)
    world.offer(request, "sigma", "of south")
    path = f"{PATH}/{request['id']}"
    assert all_pages(world, path + "/history", limit=limit) == world.get(request["id"])["history"]
    assert [one["crew"]["code"] for one in all_pages(world, path + "/helpers", limit=limit)] == [
        "delta", "gamma", "sigma",
    ]  # fmt: skip


def test_a_long_history_is_shown_from_its_end(world: Mutual) -> None:
    request = world.new()
    world.run(
        """INSERT INTO resource_event (partnership_id, id, request_id, at, action, jurisdiction_id, staff_id, reason)
           SELECT :p, CAST('ffffffff-0000-7000-8000-' || lpad(n::text, 12, '0') AS uuid), :request, now(), 'changed',
                  :west, :staff, n::text FROM generate_series(1, :n) n""",
        request=request["id"], west=world.towns["west"], staff=world.staff["of west"], n=HISTORY_SHOWN - 1,
    )  # fmt: skip
    shown = world.get(request["id"])
    assert (len(shown["history"]), shown["more"], shown["history"][0]["action"]) == (HISTORY_SHOWN, False, "requested")
    world.run(
        """INSERT INTO resource_event (partnership_id, id, request_id, at, action, jurisdiction_id, staff_id)
           VALUES (:p, 'ffffffff-ffff-7000-8000-000000000000', :request, now(), 'closed', :west, :staff)""",
        request=request["id"], west=world.towns["west"], staff=world.staff["of west"],
    )  # fmt: skip
    shown = world.get(request["id"])
    assert (len(shown["history"]), shown["more"]) == (HISTORY_SHOWN, True)
    assert [shown["history"][0]["reason"], shown["history"][-1]["action"]] == ["1", "closed"]
    assert len(all_pages(world, f"{PATH}/{request['id']}/history", limit=50)) == HISTORY_SHOWN + 1


class TestHelpers:
    def helpers(self, world: Mutual, **more: Any) -> list[str]:
        request = world.new(**more)
        found = said(world.ask("GET", f"{PATH}/{request['id']}/helpers"))["items"]
        return [one["crew"]["code"] for one in found]

    def test_any_crew_but_ones_own_where_nothing_is_asked_for(self, world: Mutual) -> None:
        assert self.helpers(world) == ["delta", "gamma", "sigma"]

    def test_by_skill_as_asked_for_or_as_the_service_type_needs_it(self, world: Mutual) -> None:
        assert self.helpers(world, skill="gamma") == ["gamma"]
        assert self.helpers(world, skill="tar") == []
        world.run("UPDATE service_type SET skill = 'sigma' WHERE partnership_id = :p AND code = 'signal'")
        assert self.helpers(world, service_type_id=str(world.signal)) == ["sigma"]
        assert self.helpers(world, service_type_id=str(world.pothole)) == ["delta", "gamma", "sigma"]

    def test_none_that_is_disbanded(self, world: Mutual) -> None:
        world.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND code = 'gamma'")
        assert self.helpers(world, skill="saw") == ["delta", "sigma"]

    @pytest.mark.parametrize(
        ("since", "until", "valid_until", "sort", "found"),
        [
            (-5, None, None, "skill", True),
            (2, 3, None, "skill", True),
            (-5, 0, None, "skill", False),  # left the crew before
            (9, None, None, "skill", False),  # joins it after
            (-5, None, -1, "skill", False),  # the skill has lapsed
            (-5, None, None, "certificate", False),
        ],
    )
    def test_what_a_member_brings_along_in_that_time(
        self, world: Mutual, since: int, until: int | None, valid_until: int | None, sort: str, found: bool
    ) -> None:
        world.run(
            """INSERT INTO crew_membership (partnership_id, id, crew_id, member_id, since, until)
               VALUES (:p, gen_random_uuid(), :crew, :member, current_date + CAST(:since AS int),
                       current_date + CAST(:until AS int))""",
            crew=world.crews["delta"], member=world.member, since=since, until=until,
        )  # fmt: skip
        world.run(
            """INSERT INTO qualification (partnership_id, id, member_id, sort, code, valid_from, valid_until)
               VALUES (:p, gen_random_uuid(), :member, :sort, 'tar', current_date - 9,
                       current_date + CAST(:until AS int))""",
            member=world.member, sort=sort, until=valid_until,
        )  # fmt: skip
        assert self.helpers(world, skill="tar") == (["delta"] if found else [])

    def test_says_what_is_offered_and_nothing_of_where_and_when(self, world: Mutual) -> None:
        request = world.new()
        offer = world.offer(request)
        path = f"{PATH}/{request['id']}/helpers"
        found = {one["crew"]["code"]: one for one in said(world.ask("GET", path))["items"]}
        assert {code: one["offer_id"] for code, one in found.items()} == {
            "gamma": offer["id"], "delta": None, "sigma": None,
        }  # fmt: skip
        assert found["delta"] == {
            "crew": {"id": str(world.crews["delta"]), "code": "delta", "name": "Delta"},
            "jurisdiction_id": str(world.towns["east"]), "offer_id": None,
        }  # fmt: skip
        said(world.step("withdraw", offer, "of east"))
        assert {one["offer_id"] for one in said(world.ask("GET", path))["items"]} == {None}
