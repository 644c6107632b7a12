"""What is refused: terms that make no sense, and people who have no say."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.api.agreements.parties import PATH, Parties, day


def post(parties: Parties, *terms: dict[str, Any], by: str = "alder", **more: Any) -> Any:
    body = {"code": f"A-{uuid4().hex[:10]}", "title": "Sharing"} | parties.wanted(*terms, **more)
    return parties.admins[by].post(PATH, body)


IDS = [str(uuid4()) for _ in range(101)]


def window(weekday: Any = 1, starts: str = "07:00", until: str = "17:00") -> dict[str, Any]:
    return {"hours": [{"weekday": weekday, "from": starts, "until": until}]}


class TestTerms:
    @pytest.mark.parametrize(
        ("term", "field"),
        [
            ({"cap_minutes": 60}, "cap_period"),
            ({"cap_period": "week"}, "cap_period"),
            ({"cap_minutes": 60, "cap_period": "fortnight"}, "cap_period"),
            ({"cap_cents": 60, "cap_period": "week"}, "cents_per_hour"),
            ({"cap_minutes": 0, "cap_period": "week"}, "cap_minutes"),
            ({"cap_minutes": 60.5, "cap_period": "week"}, "cap_minutes"),
            ({"cap_cents": 10**14, "cap_period": "week", "cents_per_hour": 1}, "cap_cents"),
            ({"cents_per_hour": -1}, "cents_per_hour"),
            ({"cents_per_hour": True}, "cents_per_hour"),
            (window(0), "hours.0.weekday"),
            (window(8), "hours.0.weekday"),
            (window(1, "7:00"), "hours.0.from"),
            (window(1, "24:00", "24:00"), "hours.0.from"),
            (window(1, "17:00", "07:00"), "hours.0.until"),
            (window(1, "17:00", "17:00"), "hours.0.until"),
            (window(1, "07:00", "24:01"), "hours.0.until"),
            (window(1, "07:00", "12:60"), "hours.0.until"),
            (window(1, "07:00", "12:00\n"), "hours.0.until"),
            ({"hours": window()["hours"] * 43}, "hours"),
            ({"crew_ids": IDS}, "crew_ids"),
            ({"service_type_ids": IDS}, "service_type_ids"),
            ({"skills": [f"s{number}" for number in range(51)]}, "skills"),
            ({"skills": ["a b"]}, "skills.0"),
            ({"skills": ["saw\n"]}, "skills.0"),
            ({"crew_ids": ["alpha"]}, "crew_ids.0"),
            ({"crew_ids": None}, "crew_ids"),
            ({"cost": {"a": {"b": 1}}}, "cost.a.value"),
            ({"cost": {"a": [1]}}, "cost.a.value"),
            ({"cost": {"a": None}}, "cost.a.value"),
            ({"cost": {"a": "x" * 501}}, "cost.a.value"),
            ({"cost": {"a": "\0"}}, "cost.a.value"),
            ({"cost": {"a": 2**60}}, "cost.a.value"),
            ({"cost": {f"k{number}": 1 for number in range(51)}}, "cost"),
            ({"cost": {"k" * 101: 1}}, f"cost.{'k' * 101}.key"),
            ({"home_priority": "yes"}, "home_priority"),
            ({"position": 1}, "position"),
        ],
    )
    def test_a_term_is_refused_with_the_place_where_it_is_wrong(
        self, parties: Parties, term: dict[str, Any], field: str
    ) -> None:
        answer = post(parties, parties.term(), parties.term(**term))
        assert parties.code(answer) == (422, "invalid_value", f"terms.1.{field}")
        assert parties.town.rows("SELECT 1 FROM agreement WHERE partnership_id = :p") == []

    def test_giver_and_receiver_are_two(self, parties: Parties) -> None:
        answer = post(parties, parties.term("alder", "alder"))
        assert parties.code(answer) == (422, "invalid_value", "terms.0.receiver_id")

    @pytest.mark.parametrize("name", ["giver_id", "receiver_id"])
    def test_who_does_not_exist_or_is_retired_cannot_be_a_party(self, parties: Parties, name: str) -> None:
        other = parties.term("birch", "alder") if name == "giver_id" else parties.term("alder", "birch")
        answer = post(parties, parties.term(), other | {name: str(uuid4())})
        assert parties.code(answer) == (422, "unknown_reference", f"terms.1.{name}")
        parties.everybody.patch(f"/v1/jurisdictions/{parties.ids['birch']}", {"retired": True})
        assert parties.code(post(parties, other))[:2] == (422, "unknown_reference")

    def test_crews_must_be_the_givers(self, parties: Parties) -> None:
        own, foreign = str(parties.town.alder_crew), str(parties.town.birch_crew)
        answer = post(parties, parties.term(crew_ids=[own, foreign]))
        assert parties.code(answer) == (422, "unknown_reference", "terms.0.crew_ids.1")
        answer = post(parties, parties.term(service_type_ids=[str(parties.service_type_id), str(uuid4())]))
        assert parties.code(answer) == (422, "unknown_reference", "terms.0.service_type_ids.1")
        assert post(parties, parties.term(crew_ids=[own, own])).json["versions"][0]["terms"][0]["crew_ids"] == [own]

    def test_nothing_of_another_partnership_can_be_named(self, parties: Parties, office_app: Flask) -> None:
        other = Parties(office_app)
        for term in (
            parties.term() | {"receiver_id": str(other.ids["birch"])},
            parties.term(crew_ids=[str(other.town.alder_crew)]),
            parties.term(service_type_ids=[str(other.service_type_id)]),
        ):
            assert parties.code(post(parties, term))[:2] == (422, "unknown_reference")
        body = parties.wanted(jurisdiction_id=str(other.ids["alder"])) | {"code": "X", "title": "X"}
        assert parties.code(parties.everybody.post(PATH, body)) == (403, "not_allowed", "jurisdiction_id")


class TestVersions:
    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"terms": []}, "terms"),
            ({"starts_on": day(3), "ends_on": day(2)}, "ends_on"),
            ({"starts_on": day(-9), "ends_on": day(-1)}, "ends_on"),
            ({"starts_on": "1626-01-01"}, "starts_on"),
            ({"starts_on": None}, "starts_on"),
            ({"notice_days": 3651}, "notice_days"),
            ({"notice_days": -1}, "notice_days"),
            ({"note": "x" * 8001}, "note"),
            ({"code": "a code"}, "code"),
            ({"title": ""}, "title"),
            ({"state": "accepted"}, "state"),
            ({"jurisdiction_id": "alder"}, "jurisdiction_id"),
        ],
    )
    def test_a_proposal_is_refused_with_the_place_where_it_is_wrong(
        self, parties: Parties, more: dict[str, Any], field: str
    ) -> None:
        assert parties.code(post(parties, **more)) == (422, "invalid_value", field)

    def test_there_may_be_so_many_terms_and_no_more(self, parties: Parties) -> None:
        assert len(post(parties, *[parties.term()] * 250).json["versions"][0]["terms"]) == 250
        assert parties.code(post(parties, *[parties.term()] * 251)) == (422, "invalid_value", "terms")

    def test_an_end_needs_a_day_and_a_reason(self, parties: Parties) -> None:
        agreement = parties.agreed()
        for body, field in (
            ({"on": day(9)}, "reason"), ({"reason": "x"}, "on"), ({"on": day(9), "reason": ""}, "reason"),
            ({"on": "9999-01-01", "reason": "x"}, "on"), ({"on": day(9), "reason": "x" * 2001}, "reason"),
        ):  # fmt: skip
            answer = parties.admins["alder"].post(f"{PATH}/{agreement['id']}/end", body)
            assert parties.code(answer) == (422, "invalid_value", field)


class TestWhoHasASay:
    def test_proposing_is_for_admins_of_a_party(self, parties: Parties) -> None:
        assert parties.code(post(parties, by="cedar"))[:2] == (403, "not_allowed")
        body = {"code": "X", "title": "X"} | parties.wanted()
        for role in ("dispatcher", "gis", "finance"):
            assert parties.code(parties.town.staff((role, parties.ids["alder"])).post(PATH, body))[0] == 403
        # An admin of Cedar who dispatches for Alder is no admin of Alder.
        mixed = parties.town.staff(("admin", parties.ids["cedar"]), ("dispatcher", parties.ids["alder"]))
        assert parties.code(mixed.post(PATH, body))[0] == 403
        answer = mixed.post(PATH, body | {"jurisdiction_id": str(parties.ids["alder"])})
        assert parties.code(answer) == (403, "not_allowed", "jurisdiction_id")

    def test_whether_a_code_is_taken_is_told_to_parties_only(self, parties: Parties) -> None:
        parties.propose(code="TAKEN")
        body = {"code": "TAKEN", "title": "X"} | parties.wanted()
        assert parties.code(parties.admins["cedar"].post(PATH, body))[:2] == (403, "not_allowed")
        assert parties.code(parties.admins["alder"].post(PATH, body))[:2] == (409, "already_there")

    def test_who_acts_for_several_says_for_which(self, parties: Parties) -> None:
        body = {"code": "X", "title": "X"} | parties.wanted()
        both = parties.town.staff(("admin", parties.ids["alder"]), ("admin", parties.ids["birch"]))
        for caller in (both, parties.everybody):
            assert parties.code(caller.post(PATH, body)) == (422, "invalid_value", "jurisdiction_id")
        answer = both.post(PATH, body | {"jurisdiction_id": str(parties.ids["birch"])})
        (version,) = answer.json["versions"]
        assert version["proposer_id"] == str(parties.ids["birch"])
        # Only Alder has not answered.
        assert parties.step(version, "accept", parties.everybody).json["state"] == "accepted"

    def test_an_admin_of_the_whole_partnership_acts_for_whom_she_names(self, parties: Parties) -> None:
        (version,) = parties.propose(parties.term("alder", "birch"), parties.term("alder", "cedar"))["versions"]
        answer = parties.step(version, "accept", parties.everybody)
        assert parties.code(answer) == (422, "invalid_value", "jurisdiction_id")
        for name in ("birch", "cedar"):
            answer = parties.step(version, "accept", parties.everybody, jurisdiction_id=str(parties.ids[name]))
        assert answer.json["state"] == "accepted"
        parties_of_it = {party["name"]: party["accepted_by"]["id"] for party in answer.json["parties"]}
        assert parties_of_it["B"] == parties_of_it["C"] == str(parties.everybody.id) != parties_of_it["A"]

    @pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
    def test_who_is_no_party_does_not_find_it(self, parties: Parties, office_app: Flask, verb: str) -> None:
        (version,) = parties.propose()["versions"]
        other = Parties(office_app)
        for caller in (parties.admins["cedar"], other.everybody, other.admins["birch"]):
            assert parties.code(parties.step(version, verb, caller))[:2] == (404, "not_found")
        cedar = {"jurisdiction_id": str(parties.ids["cedar"])}
        assert parties.code(parties.step(version, verb, parties.everybody, **cedar))[:2] == (403, "not_allowed")
        dispatcher = parties.town.staff(("dispatcher", parties.ids["birch"]))
        assert parties.code(parties.step(version, verb, dispatcher))[:2] == (403, "not_allowed")
        assert parties.read(version["agreement_id"])["proposal"]["waiting_for"] == [str(parties.ids["birch"])]

    def test_nobody_accepts_for_another_party(self, parties: Parties) -> None:
        (version,) = parties.propose(parties.term("alder", "birch"), parties.term("alder", "cedar"))["versions"]
        answer = parties.step(version, "accept", "birch", jurisdiction_id=str(parties.ids["cedar"]))
        assert parties.code(answer) == (403, "not_allowed", "jurisdiction_id")
        # Accepting twice for one's own does not stand for the other.
        for _ in range(3):
            assert parties.step(version, "accept", "birch").json["state"] == "proposed"

    def test_a_version_is_found_under_its_own_agreement_only(self, parties: Parties) -> None:
        one, two = parties.propose(), parties.propose()
        crossed = one["versions"][0] | {"agreement_id": two["id"]}
        for verb in ("accept", "decline"):
            assert parties.code(parties.step(crossed, verb, "birch"))[0] == 404
        path = f"{PATH}/{two['id']}/versions/{one['versions'][0]['id']}"
        assert parties.code(parties.admins["birch"].get(path))[0] == 404

    def test_ending_is_for_its_parties(self, parties: Parties, office_app: Flask) -> None:
        agreement = parties.agreed()
        assert parties.code(parties.end(agreement, day(9), by="cedar"))[:2] == (404, "not_found")
        body = {"on": day(9), "reason": "x"}
        path = f"{PATH}/{agreement['id']}/end"
        assert parties.code(Parties(office_app).everybody.post(path, body))[:2] == (404, "not_found")
        answer = parties.everybody.post(path, body | {"jurisdiction_id": str(parties.ids["cedar"])})
        assert parties.code(answer)[:2] == (403, "not_allowed")
        assert parties.read(agreement["id"])["ended_on"] is None


def test_the_time_zone_of_a_partnership_is_one_that_exists(parties: Parties) -> None:
    assert parties.admins["alder"].get("/v1/partnership").json["time_zone"] == "UTC"
    for name in ("Mars/Olympus", "", "america/new_york\n", "../etc/passwd", "x" * 200, None, 5):
        answer = parties.everybody.patch("/v1/partnership", {"time_zone": name})
        assert parties.code(answer) == (422, "invalid_value", "time_zone")
    assert parties.everybody.patch("/v1/partnership", {"time_zone": "America/New_York"}).status_code == 200
    # Boards learn that every crew's day is another one.
    (head,) = parties.town.rows("SELECT change FROM head WHERE partnership_id = :p")
    changes = parties.town.rows("SELECT DISTINCT change FROM crew WHERE partnership_id = :p")
    assert changes == [head]
    assert parties.code(parties.admins["alder"].patch("/v1/partnership", {"time_zone": "UTC"}))[0] == 403
