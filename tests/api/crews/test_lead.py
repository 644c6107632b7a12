"""Who leads a crew: one member at a time, handed over in one request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.crews.scene import Scene, people, refused
from tests.api.town import Town

Row = tuple[str, str, str | None, bool]


class Crew(Scene):
    """Mary leads from 2026; Paul and Rosa are members from then on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.base = f"/v1/crews/{self.town.alder_crew}"
        self.names = {self.mary: "Mary"}
        self.lead(self.membership, "2026-01-01")
        self.times = {"Mary": self.membership}
        for name in ("Paul", "Rosa"):
            member_id = self.member(name)
            self.names[member_id] = name
            self.times[name] = self.join(member_id, "2026-01-01")

    def lead(self, membership_id: str, since: str) -> Any:
        return self.admin.post(f"{self.base}/lead", {"membership_id": membership_id, "since": since})

    def rows(self) -> list[Row]:
        """Who is a member from when to when, and whether she leads; by name and day."""
        items = self.admin.get(f"{self.base}/memberships").json["items"]
        return sorted((self.names[one["member_id"]], one["since"], one["until"], one["is_lead"]) for one in items)


@pytest.fixture
def crew(town: Town) -> Crew:
    return Crew(town)


def test_a_lead_is_entered_with_the_membership(crew: Crew) -> None:
    path = f"/v1/crews/{crew.town.birch_crew}/memberships"
    made = crew.admin.post(path, {"member_id": crew.mary, "since": "2026-01-01", "is_lead": True}).json
    assert made["is_lead"] is True
    assert crew.admin.patch(f"{path}/{made['id']}", {"is_lead": False}).json["is_lead"] is False
    assert crew.change_of(crew.town.birch_crew) == crew.head()


def test_a_second_one_is_refused_and_the_first_named(crew: Crew) -> None:
    answer = crew.admin.patch(f"{crew.base}/memberships/{crew.times['Paul']}", {"is_lead": True})
    assert refused(answer) == (409, "lead_there", "is_lead")
    assert answer.json["detail"].startswith("Mary leads the crew from 2026-01-01 without an end.")
    named = {name: answer.json[name] for name in ("membership_id", "member_id", "name", "since", "until")}
    assert named == {
        "membership_id": crew.membership, "member_id": crew.mary, "name": "Mary", "since": "2026-01-01", "until": None,
    }  # fmt: skip
    wanted = {"member_id": crew.member("Quin"), "since": "2027-01-01", "is_lead": True}
    assert refused(crew.admin.post(f"{crew.base}/memberships", wanted)) == (409, "lead_there", "is_lead")
    # Nor does a lead grow into the time of another one.
    crew.lead(crew.times["Paul"], "2026-06-01")
    longer = crew.admin.patch(f"{crew.base}/memberships/{crew.membership}", {"until": "2026-06-01"})
    assert refused(longer) == (409, "lead_there", "is_lead")
    assert longer.json["name"] == "Paul"


def test_it_is_handed_over_from_a_day_on(crew: Crew) -> None:
    before = crew.change_of()
    answer = crew.lead(crew.times["Paul"], "2026-06-01")
    assert answer.status_code == 200, answer.json
    assert (answer.json["since"], answer.json["until"], answer.json["is_lead"]) == ("2026-06-01", None, True)
    assert crew.rows() == [
        ("Mary", "2026-01-01", "2026-05-31", True), ("Mary", "2026-06-01", None, False),
        ("Paul", "2026-01-01", "2026-05-31", False), ("Paul", "2026-06-01", None, True),
        ("Rosa", "2026-01-01", None, False),
    ]  # fmt: skip
    assert crew.change_of() == crew.head() == before + 1


def test_from_the_first_day_on_nothing_is_divided(crew: Crew) -> None:
    assert crew.lead(crew.times["Paul"], "2026-01-01").json["id"] == crew.times["Paul"]
    assert crew.rows() == [
        ("Mary", "2026-01-01", None, False), ("Paul", "2026-01-01", None, True), ("Rosa", "2026-01-01", None, False),
    ]  # fmt: skip


def test_somebody_who_leads_for_a_while_gives_it_back(crew: Crew) -> None:
    quin = crew.member("Quin")
    crew.names[quin] = "Quin"
    time = crew.join(quin, "2026-03-01", until="2026-08-31")
    assert crew.lead(time, "2026-06-01").status_code == 200
    assert [row for row in crew.rows() if row[3]] == [
        ("Mary", "2026-01-01", "2026-05-31", True), ("Mary", "2026-09-01", None, True),
        ("Quin", "2026-06-01", "2026-08-31", True),
    ]  # fmt: skip
    assert ("Mary", "2026-06-01", "2026-08-31", False) in crew.rows()


def test_whoever_would_have_led_later_is_passed_over(crew: Crew) -> None:
    crew.lead(crew.times["Paul"], "2026-06-01")
    crew.lead(crew.times["Rosa"], "2026-05-01")
    assert [row for row in crew.rows() if row[3]] == [
        ("Mary", "2026-01-01", "2026-04-30", True), ("Rosa", "2026-05-01", None, True),
    ]  # fmt: skip
    assert {row[:3] for row in crew.rows() if row[0] == "Paul"} == {
        ("Paul", "2026-01-01", "2026-05-31"), ("Paul", "2026-06-01", None),
    }  # fmt: skip


def test_it_is_safe_to_repeat(crew: Crew) -> None:
    first = crew.lead(crew.times["Paul"], "2026-06-01").json
    rows, number = crew.rows(), crew.head()
    assert crew.lead(first["id"], "2026-06-01").json == first
    assert (crew.rows(), crew.head()) == (rows, number)
    # The same request again names a membership that ends before the day.
    assert refused(crew.lead(crew.times["Paul"], "2026-06-01")) == (422, "invalid_value", "since")


def test_she_has_to_be_a_member_on_that_day(crew: Crew) -> None:
    rows = crew.rows()
    assert refused(crew.lead(crew.times["Paul"], "2025-12-31")) == (422, "invalid_value", "since")
    elsewhere = crew.join(crew.mary, "2026-01-01", crew.town.birch_crew)
    assert refused(crew.lead(elsewhere, "2026-06-01")) == (422, "unknown_reference", "membership_id")
    assert crew.rows() == rows


def test_admins_of_the_crews_jurisdiction_hand_it_over(crew: Crew) -> None:
    wanted = {"membership_id": crew.times["Paul"], "since": "2026-06-01"}
    for role, person in people(crew.town).items():
        assert (person.post(f"{crew.base}/lead", wanted).status_code == 403) == (role != "admin")
    other = crew.town.staff(("admin", crew.town.birch))
    assert other.post(f"{crew.base}/lead", wanted).status_code == 404
