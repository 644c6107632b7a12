"""Business calendars: the whole of one at a time, and what of one in use may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.office.world import World, now
from tests.api.servicelevels.promises import ALWAYS, Promises, body, moment, stored

PATH = "/service-levels/calendars"


def made(world: World, **more: Any) -> dict[str, Any]:
    answer = world.ask("POST", PATH, "admin", json=body(**more))
    assert answer.status_code == 201, answer.json
    return answer.json  # type: ignore[no-any-return]


def test_it_is_read_as_it_was_sent(world: World) -> None:
    holidays = [{"day": "2027-01-01", "name": "New Year"}]
    calendar = made(world, holidays=holidays)
    answer = world.ask("GET", f"{PATH}/{calendar['id']}", "gis")
    assert answer.headers["ETag"] == calendar["etag"] == '"1"'
    assert answer.json == calendar | body(holidays=holidays) | {"in_use": False, "version": 1}


def test_they_are_listed_by_name_in_pages(world: World) -> None:
    for name in ("b", "c", "a"):
        made(world, name=name)
    first = world.ask("GET", PATH, query_string={"limit": 2}).json
    second = world.ask("GET", PATH, query_string={"limit": 2, "cursor": first["next"]}).json
    assert [item["name"] for item in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_one_that_nobody_uses_may_change_and_go(world: World) -> None:
    calendar = made(world)
    path = f"{PATH}/{calendar['id']}"
    changed = world.ask("PUT", path, "admin", calendar["etag"], json=body(time_zone="Europe/Berlin", hours=ALWAYS))
    assert (changed.status_code, changed.json["version"], changed.json["time_zone"]) == (200, 2, "Europe/Berlin")
    stale = world.ask("PUT", path, "admin", calendar["etag"], json=body())
    assert (stale.status_code, stale.json["current"]) == (412, changed.json)
    assert world.ask("PUT", path, "admin", json=body()).status_code == 428
    assert world.ask("DELETE", path, "admin").status_code == 204
    assert world.ask("GET", path).status_code == 404


@pytest.mark.parametrize(("more", "field"), [
    ({"time_zone": "Middle/Earth"}, "time_zone"),
    ({"hours": []}, "hours"),
    ({"hours": [{"weekday": 8, "from": "08:00", "until": "09:00"}]}, "hours.0.weekday"),
    ({"hours": [{"weekday": 1, "from": "24:00", "until": "24:00"}]}, "hours.0.from"),
    ({"hours": [{"weekday": 1, "from": "09:00", "until": "09:00"}]}, "hours.0.until"),
    ({"hours": [{"weekday": 1, "from": "08:00", "until": "10:00"}, {"weekday": 1, "from": "09:00", "until": "11:00"}]},
     "hours.1.from"),
    ({"holidays": [{"day": "2027-01-01", "name": "a"}, {"day": "2027-01-01", "name": "b"}]}, "holidays.0.day"),
    ({"holidays": [{"day": "2027-02-30", "name": "a"}]}, "holidays.0.day"),
    ({"holidays": [{"day": f"{2000 + n // 360}-{1 + n // 30 % 12:02}-{1 + n % 28:02}", "name": "a"}
                   for n in range(1_001)]}, "holidays"),
    ({"name": ""}, "name"),
    ({"colour": "red"}, "colour"),
])  # fmt: skip
def test_what_is_no_calendar_is_refused(world: World, more: dict[str, Any], field: str) -> None:
    answer = world.ask("POST", PATH, "admin", json=body(**more))
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", field)
    assert world.ask("GET", PATH).json["items"] == []


def test_hours_that_touch_and_two_names_alike(world: World) -> None:
    made(
        world,
        hours=[{"weekday": 1, "from": "12:00", "until": "24:00"}, {"weekday": 1, "from": "08:00", "until": "12:00"}],
    )
    assert world.ask("POST", PATH, "admin", json=body()).json["code"] == "already_there"


def test_only_admins_of_the_whole_partnership_change_them(world: World) -> None:
    calendar = made(world)
    for by in ("dispatcher", "gis"):
        assert world.ask("POST", PATH, by, json=body()).status_code == 403
        assert world.ask("DELETE", f"{PATH}/{calendar['id']}", by).status_code == 403
    assert world.ask("PUT", f"{PATH}/{uuid4()}", "admin", '"1"', json=body()).status_code == 404


class TestInUse:
    @pytest.fixture
    def path(self, promises: Promises) -> str:
        return f"{PATH}/{promises.calendar_id}"

    def always(self, *days: str, **more: Any) -> dict[str, Any]:
        holidays = [{"day": day, "name": "Holiday"} for day in days]
        return {"name": "Always", "time_zone": "UTC", "hours": ALWAYS, "holidays": holidays} | more

    def day(self, days: int) -> str:
        return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()

    def test_it_stays_as_it_counted(self, world: World, path: str) -> None:
        assert world.ask("GET", path).json["in_use"] is True
        for field, sent in (
            ("time_zone", self.always(time_zone="Europe/Berlin")), ("hours", self.always(hours=ALWAYS[1:])),
            ("holidays", self.always(self.day(-3))), ("holidays", self.always(self.day(0))),
        ):  # fmt: skip
            answer = world.ask("PUT", path, "admin", '"1"', json=sent)
            assert (answer.status_code, answer.json["code"], answer.json["field"]) == (409, "calendar_in_use", field)
        assert world.ask("DELETE", path, "admin").json["code"] == "calendar_in_use"
        assert world.ask("PUT", path, "admin", '"1"', json=self.always(name="Round the clock")).status_code == 200

    def test_a_holiday_to_come_moves_what_is_due(self, world: World, promises: Promises, path: str) -> None:
        tomorrow = (now() + timedelta(days=1)).date()
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC)
        world.rows(
            "UPDATE service_target SET resolution_minutes = 1500 WHERE partnership_id = :p AND priority IS NULL"
            " AND service_type_id = :type RETURNING id", type=world.pothole,
        )  # fmt: skip
        job = world.create()
        due = moment(job["record"]["resolve_by"])
        assert due is not None
        assert due > midnight
        answer = world.ask("PUT", path, "admin", '"1"', json=self.always(tomorrow.isoformat()))
        assert answer.status_code == 200, answer.json
        after = world.read(job["id"])
        assert moment(after["record"]["resolve_by"]) == due + timedelta(days=1)
        assert after["change"] > job["change"]
        assert (after["version"], stored(world, job["id"])["resolution"]["due_at"]) == (1, due + timedelta(days=1))
        # New ones go by it, too.
        assert moment(world.create()["record"]["resolve_by"]) > due + timedelta(days=1)  # type: ignore[operator]
        # And back.
        assert world.ask("PUT", path, "admin", '"2"', json=self.always()).status_code == 200
        assert moment(world.read(job["id"])["record"]["resolve_by"]) == due

    def test_what_stands_still_or_has_run_out_stays(self, world: World, promises: Promises, path: str) -> None:
        held = world.change(world.create(), status="on_hold")
        before = stored(world, held["id"])
        world.ask("PUT", path, "admin", '"1"', json=self.always(self.day(1)))
        assert stored(world, held["id"]) == before
