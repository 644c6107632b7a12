"""Weekly shifts, exceptions and absences: what is taken, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.crews.scene import Scene, refused
from tests.api.town import Town

SHIFT = {"weekday": 1, "starts": "08:00", "minutes": 480, "since": "2026-01-01", "until": None}
ABSENCE = {"starts_at": "2026-05-04T12:00:00Z", "ends_at": "2026-05-06T12:00:00Z", "reason": "Training"}


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


class TestShifts:
    @pytest.mark.parametrize(
        ("other", "overlaps"),
        [
            ({"starts": "12:00"}, True), ({"starts": "15:59", "minutes": 1}, True),
            ({"starts": "07:00", "minutes": 61}, True),
            ({"starts": "16:00"}, False), ({"starts": "07:00", "minutes": 60}, False),
            ({"weekday": 2}, False),
            # A night into Monday, from a Sunday.
            ({"weekday": 7, "starts": "20:00", "minutes": 721}, True),
            ({"weekday": 7, "starts": "20:00", "minutes": 720}, False),
            # Another season.
            ({"until": "2025-12-31", "since": "2025-01-01"}, False), ({"since": "2025-06-01"}, True),
        ],
    )  # fmt: skip
    def test_may_touch_but_not_overlap(self, scene: Scene, other: dict[str, Any], overlaps: bool) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shifts"
        first = scene.admin.post(path, SHIFT).json
        answer = scene.admin.post(path, SHIFT | other)
        if not overlaps:
            assert answer.status_code == 201, answer.json
            # Nor is it moved there.
            moved = scene.admin.patch(f"{path}/{answer.json['id']}", SHIFT)
            assert refused(moved) == (409, "shifts_overlap", "starts")
            return
        assert refused(answer) == (409, "shifts_overlap", "starts")
        assert answer.json["shift_id"] == first["id"]
        assert "weekday 1, 08:00, 480 minutes" in answer.json["detail"]

    def test_of_two_crews_are_their_own(self, scene: Scene) -> None:
        for crew_id in (scene.town.alder_crew, scene.town.birch_crew):
            assert scene.admin.post(f"/v1/crews/{crew_id}/shifts", SHIFT).status_code == 201

    def test_does_not_overlap_itself(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shifts"
        made = scene.admin.post(path, SHIFT).json
        assert scene.admin.patch(f"{path}/{made['id']}", {"minutes": 1440}).json["minutes"] == 1440

    def test_are_listed_for_a_day(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shifts"
        old = scene.admin.post(path, SHIFT | {"until": "2026-03-31", "weekday": 5}).json
        new = scene.admin.post(path, SHIFT | {"since": "2026-04-01", "weekday": 1}).json
        assert scene.admin.get(path).json["items"] == [new, old]
        for day, expected in (("2026-03-31", [old]), ("2026-04-01", [new]), ("2025-12-31", [])):
            assert scene.admin.get(f"{path}?on={day}").json["items"] == expected

    @pytest.mark.parametrize(
        ("field", "value"),
        [("weekday", 0), ("weekday", 8), ("weekday", "1"), ("weekday", None), ("starts", "24:00"), ("starts", "8:00"),
         ("starts", "08:00:30"), ("starts", "08:00Z"), ("starts", 800), ("starts", None), ("minutes", 0),
         ("minutes", 1441), ("minutes", 1.5), ("since", "2026-02-30"), ("until", "2025-12-31")],
    )  # fmt: skip
    def test_refuse_what_is_not_acceptable(self, scene: Scene, field: str, value: Any) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shifts"
        assert refused(scene.admin.post(path, SHIFT | {field: value})) == (422, "invalid_value", field)
        made = scene.admin.post(path, SHIFT).json
        assert refused(scene.admin.patch(f"{path}/{made['id']}", {field: value})) == (422, "invalid_value", field)
        assert scene.admin.get(f"{path}/{made['id']}").json == made


class TestExceptions:
    def test_there_is_one_a_day(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shift-exceptions"
        wanted = {"day": "2026-07-03", "reason": "Holiday"}
        assert scene.admin.post(path, wanted).status_code == 201
        assert refused(scene.admin.post(path, wanted)) == (409, "exception_there", None)
        other = scene.admin.post(path, wanted | {"day": "2026-07-04"}).json
        moved = scene.admin.patch(f"{path}/{other['id']}", {"day": "2026-07-03"})
        assert refused(moved) == (409, "exception_there", None)

    def test_hours_have_a_beginning_and_a_length(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shift-exceptions"
        wanted = {"day": "2026-07-03", "reason": "Holiday"}
        assert refused(scene.admin.post(path, wanted | {"starts": "08:00"})) == (422, "invalid_value", "minutes")
        assert refused(scene.admin.post(path, wanted | {"minutes": 60})) == (422, "invalid_value", "starts")
        made = scene.admin.post(path, wanted | {"starts": "08:00", "minutes": 60}).json
        own = f"{path}/{made['id']}"
        assert refused(scene.admin.patch(own, {"starts": None})) == (422, "invalid_value", "starts")
        off = scene.admin.patch(own, {"starts": None, "minutes": None})
        assert off.json == made | {"starts": None, "minutes": None}

    def test_are_listed_between_days(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/shift-exceptions"
        for day in (5, 3, 4):
            scene.admin.post(path, {"day": f"2026-07-0{day}", "reason": "Fair"})
        listed = scene.admin.get(f"{path}?from=2026-07-04&to=2026-07-05").json["items"]
        assert [one["day"] for one in listed] == ["2026-07-04", "2026-07-05"]


class TestAbsences:
    @pytest.mark.parametrize("owner", ["crew", "member"])
    def test_end_after_they_begin_and_not_years_later(self, scene: Scene, owner: str) -> None:
        path = {"crew": f"/v1/crews/{scene.town.alder_crew}", "member": f"/v1/members/{scene.mary}"}[
            owner
        ] + "/absences"
        for ends_at in ("2026-05-04T12:00:00Z", "2026-05-01T00:00:00Z", "2028-06-01T00:00:00Z"):
            assert refused(scene.admin.post(path, ABSENCE | {"ends_at": ends_at})) == (422, "invalid_value", "ends_at")
        made = scene.admin.post(path, ABSENCE).json
        late = scene.admin.patch(f"{path}/{made['id']}", {"starts_at": "2026-06-01T00:00:00Z"})
        assert refused(late) == (422, "invalid_value", "ends_at")
        for field, value in (
            ("starts_at", "2026-05-04T12:00:00"),
            ("starts_at", "1500-01-01T00:00:00Z"),
            ("reason", ""),
        ):
            assert refused(scene.admin.post(path, ABSENCE | {field: value})) == (422, "invalid_value", field)

    def test_are_moments_in_any_zone(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/absences"
        made = scene.admin.post(path, ABSENCE | {"starts_at": "2026-05-04T08:00:00-04:00"}).json
        assert made["starts_at"] == "2026-05-04T12:00:00Z"
        before = scene.head()
        scene.admin.patch(f"{path}/{made['id']}", {"starts_at": "2026-05-04T14:00:00+02:00"})
        assert scene.head() == before

    def test_are_listed_between_moments(self, scene: Scene) -> None:
        path = f"/v1/crews/{scene.town.alder_crew}/absences"
        made = scene.admin.post(path, ABSENCE).json
        for query, expected in (
            ("from=2026-05-06T11:59:59Z", [made]), ("from=2026-05-06T12:00:00Z", []), ("to=2026-05-04T12:00:00Z", []),
            ("to=2026-05-04T12:00:01Z", [made]), ("from=2026-05-05T00:00:00Z&to=2026-05-05T01:00:00Z", [made]),
        ):  # fmt: skip
            assert scene.admin.get(f"{path}?{query}").json["items"] == expected
