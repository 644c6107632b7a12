"""Reading agreements: who sees which, page by page, and who may serve whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from fieldsync.agreements import change
from tests.api.agreements.parties import PATH, Parties, day
from tests.api.town import Caller


def listed(parties: Parties, by: Caller | None = None, **asked: Any) -> list[str]:
    """Codes, read two at a time."""
    codes: list[str] = []
    while True:
        answer = (by or parties.everybody).get(PATH, query_string=asked | {"limit": 2})
        assert answer.status_code == 200, answer.json
        codes += [item["code"] for item in answer.json["items"]]
        if answer.json["next"] is None:
            return codes
        asked["cursor"] = answer.json["next"]


class TestTheList:
    def test_filters(self, parties: Parties) -> None:
        parties.propose(code="waits")
        parties.agreed(code="holds")
        parties.agreed(code="amended")
        parties.amend(parties.everybody.get(PATH, query_string={"state": "in_force"}).json["items"][0])
        parties.agreed(parties.term("birch", "cedar"), by="birch", code="later", starts_on=day(40))
        over = parties.agreed(code="over")
        parties.town.run(
            "UPDATE agreement_version SET during = daterange('2020-01-01', '2020-02-01') WHERE agreement_id = :id",
            id=over["id"],
        )  # fmt: skip
        parties.step(parties.propose(code="refused")["versions"][0], "decline", "birch")
        every = ["amended", "holds", "later", "over", "refused", "waits"]
        assert listed(parties) == every
        states = {"in_force": every[:2], "upcoming": ["later"], "ended": ["over"], "lapsed": ["refused"],
                  "proposed": ["waits"]}  # fmt: skip
        assert {state: listed(parties, state=state) for state in states} == states
        assert listed(parties, proposal="true") == ["amended", "waits"]
        assert listed(parties, proposal="false") == ["holds", "later", "over", "refused"]
        assert listed(parties, jurisdiction_id=str(parties.ids["cedar"])) == ["later"]
        assert listed(parties, jurisdiction_id=str(parties.service_type_id)) == []
        assert listed(parties, on=day(0)) == ["amended", "holds"]
        assert listed(parties, on=day(41)) == ["amended", "holds", "later"]
        assert listed(parties, on="2020-01-31", state="ended") == ["over"]

    def test_what_is_asked_wrongly_is_refused(self, parties: Parties) -> None:
        for asked in ({"state": "good"}, {"on": "today"}, {"proposal": "1"}, {"limit": 0}, {"cursor": "x"},
                      {"jurisdiction_id": "alder"}, {"who": "me"}):  # fmt: skip
            assert parties.everybody.get(PATH, query_string=asked).status_code == 422

    def test_everybody_sees_those_to_which_one_of_hers_is_a_party(self, parties: Parties, office_app: Flask) -> None:
        parties.agreed(code="ab")
        parties.propose(parties.term("birch", "cedar"), by="birch", code="bc")
        for role in ("dispatcher", "gis", "finance", "admin"):
            callers = {name: parties.town.staff((role, id_)) for name, id_ in parties.ids.items()}
            seen = {name: listed(parties, caller) for name, caller in callers.items()}
            assert seen == {"alder": ["ab"], "birch": ["ab", "bc"], "cedar": ["bc"]}
        both = parties.town.staff(("gis", parties.ids["alder"]), ("finance", parties.ids["cedar"]))
        assert listed(parties, both) == ["ab", "bc"]
        assert listed(Parties(office_app)) == []

    def test_one_that_may_not_be_seen_is_not_there(self, parties: Parties, office_app: Flask) -> None:
        agreement = parties.agreed()
        version = agreement["versions"][0]["id"]
        for path in ("", "/history", "/versions", f"/versions/{version}"):
            for caller in (parties.admins["cedar"], Parties(office_app).everybody):
                assert parties.code(caller.get(f"{PATH}/{agreement['id']}{path}"))[:2] == (404, "not_found")
            assert parties.admins["birch"].get(f"{PATH}/{agreement['id']}{path}").status_code == 200


class TestOne:
    def test_all_versions_and_all_that_happened_page_by_page(self, parties: Parties) -> None:
        agreement = parties.agreed()
        for number in range(25):
            parties.step(parties.amend(agreement, note=str(number)), "withdraw", "alder")
        whole = parties.read(agreement["id"])
        # What holds is among those that are shown, however old it is.
        assert [one["number"] for one in whole["versions"]] == [1, *range(8, 27)]
        assert whole["more"] == ["versions", "history"]
        assert [event["action"] for event in whole["history"][-2:]] == ["proposed", "withdrawn"]
        for name, expected in (("versions", 26), ("history", 3 + 50)):
            items, cursor = [], None
            while True:
                asked = {"limit": 7} | ({"cursor": cursor} if cursor else {})
                page = parties.admins["birch"].get(f"{PATH}/{agreement['id']}/{name}", query_string=asked).json
                items += page["items"]
                if (cursor := page["next"]) is None:
                    break
            assert len({item["id"] for item in items}) == len(items) == expected
        assert items[0]["action"] == "proposed"
        assert items[-1] == whole["history"][-1]

    def test_terms_are_told_of_what_is_in_force_and_of_what_waits(self, parties: Parties) -> None:
        """Those of one version may take megabytes."""
        agreement = parties.agreed()
        path = f"{PATH}/{agreement['id']}"
        for _ in range(2):
            parties.step(parties.amend(agreement), "withdraw", "alder")
        whole = parties.read(agreement["id"])
        assert [one["terms"] is not None for one in whole["versions"]] == [True, False, False]
        parties.accepted_by_all(parties.amend(agreement, starts_on=day(9)))
        waits = parties.amend(agreement, parties.term(cents_per_hour=5))
        versions = parties.read(agreement["id"])["versions"]
        assert [one["terms"] is not None for one in versions] == [True, False, False, False, True]
        assert versions[4] == waits
        listed = parties.everybody.get(f"{path}/versions").json["items"]
        assert [one["terms"] for one in listed] == [None] * 5
        for one in listed:
            assert len(parties.everybody.get(f"{path}/versions/{one['id']}").json["terms"]) == 1

    def test_an_agreement_has_so_many_versions(self, parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(change, "VERSIONS_MAX", 2)
        agreement = parties.agreed()
        parties.step(parties.amend(agreement), "withdraw", "alder")
        answer = parties.admins["alder"].post(f"{PATH}/{agreement['id']}/versions", parties.wanted())
        assert parties.code(answer)[:2] == (409, "too_many_versions")
        assert len(parties.read(agreement["id"])["versions"]) == 2


class TestWhoMayServeWhom:
    def test_grants_of_a_day_in_the_order_in_which_they_are_tried(self, parties: Parties) -> None:
        crew = str(parties.town.alder_crew)
        parties.agreed(code="any", starts_on=day(0))
        parties.agreed(parties.term(crew_ids=[crew]), code="crew")
        parties.agreed(parties.term(service_type_ids=[str(parties.service_type_id)]), code="type", ends_on=day(5))
        parties.agreed(parties.term("birch", "cedar"), by="birch", code="zbc")
        assert [grant["code"] for grant in parties.grants()] == ["crew", "type", "any", "zbc"]
        assert [grant["code"] for grant in parties.grants(on=day(6))] == ["crew", "any", "zbc"]
        assert [grant["code"] for grant in parties.grants(crew_id=crew)] == ["crew", "type", "any"]
        assert [grant["code"] for grant in parties.grants(crew_id=str(parties.town.birch_crew))] == ["zbc"]
        assert [grant["code"] for grant in parties.grants(jurisdiction_id=str(parties.ids["cedar"]))] == ["zbc"]
        assert [grant["code"] for grant in parties.grants(by=parties.admins["cedar"])] == ["zbc"]
        assert parties.grants(on=day(-1)) == []

    def test_page_by_page(self, parties: Parties) -> None:
        for number in range(5):
            parties.agreed(parties.term(), parties.term("birch", "alder"), code=f"N{number}")
        seen, asked = [], {"limit": 3}
        while True:
            page = parties.everybody.get(f"{PATH}/grants", query_string=asked).json
            seen += [grant["id"] for grant in page["items"]]
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        assert seen == [grant["id"] for grant in parties.grants(limit=100)]
        assert len(seen) == 10

    def test_another_partnerships_crew_is_nobodys(self, parties: Parties, office_app: Flask) -> None:
        parties.agreed()
        other = Parties(office_app)
        assert other.grants(crew_id=str(parties.town.alder_crew)) == []
        assert parties.grants(crew_id=str(other.town.alder_crew)) == []

    def test_a_grant_says_from_when_to_when(self, parties: Parties) -> None:
        parties.agreed(starts_on=day(0), ends_on=day(3))
        (grant,) = parties.grants()
        starts = datetime.fromisoformat(grant["starts"])
        assert (starts.date().isoformat(), starts.tzinfo) == (day(0), UTC)
        assert datetime.fromisoformat(grant["ends"]) - starts == timedelta(days=4)
