"""The life of an agreement: proposed, accepted by each party, amended, ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from fieldsync.agreements import api
from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant
from fieldsync.database import transaction
from tests.api.agreements.parties import PATH, Parties, day


def hold(parties: Parties, at: datetime | None = None) -> list[Grant]:
    moment = at or datetime.now(UTC)
    with parties.app.app_context(), transaction() as session:
        return load_grants(session, parties.town.partnership_id, moment, moment + timedelta(microseconds=1))


class TestBecomingAnAgreement:
    def test_what_is_proposed_binds_nobody(self, parties: Parties) -> None:
        agreement = parties.propose()
        assert (agreement["state"], agreement["holds_from"]) == ("proposed", None)
        assert agreement["proposal"]["waiting_for"] == [str(parties.ids["birch"])]
        assert hold(parties) == []

    def test_once_the_last_party_accepts_it_holds(self, parties: Parties) -> None:
        terms = [parties.term("alder", "birch"), parties.term("birch", "cedar")]
        (version,) = parties.propose(*terms)["versions"]
        assert parties.step(version, "accept", "cedar").json["state"] == "proposed"
        assert hold(parties) == []
        accepted = parties.step(version, "accept", "birch").json
        assert (accepted["state"], accepted["holds_from"], accepted["holds_until"]) == ("accepted", day(0), None)
        assert {(grant.giver_id, grant.receiver_id) for grant in hold(parties)} == {
            (parties.ids["alder"], parties.ids["birch"]), (parties.ids["birch"], parties.ids["cedar"]),
        }  # fmt: skip
        agreement = parties.read(version["agreement_id"])
        assert [event["action"] for event in agreement["history"]] == [
            "proposed", "accepted", "accepted", "came_into_force",
        ]  # fmt: skip
        assert (agreement["state"], agreement["proposal"]) == ("in_force", None)

    def test_terms_come_back_as_they_were_proposed(self, parties: Parties) -> None:
        hours = [{"weekday": 1, "from": "07:00", "until": "12:00"}, {"weekday": 7, "from": "00:00", "until": "24:00"}]
        term = parties.term(
            crew_ids=[str(parties.town.alder_crew)], skills=["saw"], service_type_ids=[str(parties.service_type_id)],
            hours=hours, cap_minutes=600, cap_cents=50_000, cap_period="month", home_priority=True,
            cents_per_hour=9_500, cost={"fuel_cents_per_km": 45, "includes_truck": True, "note": "as in 2019"},
        )  # fmt: skip
        agreement = parties.agreed(term, notice_days=60, note="Winter", ends_on=day(400))
        (version,) = agreement["versions"]
        assert {name: version["terms"][0][name] for name in term} == term
        assert (version["notice_days"], version["note"]) == (60, "Winter")
        (grant,) = hold(parties)
        assert [(window.weekday, window.starts, window.until) for window in grant.hours] == [
            (1, 420, 720),
            (7, 0, 1440),
        ]
        assert (grant.cap_minutes, grant.cap_cents, grant.cap_period, grant.home_priority) == (
            600,
            50_000,
            "month",
            True,
        )

    def test_it_never_holds_before_all_have_accepted(self, parties: Parties) -> None:
        """Its first day is over by then: it holds from the day of the last acceptance."""
        agreement = parties.agreed(starts_on=day(-30))
        assert (agreement["versions"][0]["starts_on"], agreement["holds_from"]) == (day(-30), day(0))

    def test_what_begins_later_is_upcoming(self, parties: Parties) -> None:
        agreement = parties.agreed(starts_on=day(10), ends_on=day(20))
        assert (agreement["state"], agreement["holds_until"]) == ("upcoming", day(20))
        assert hold(parties) == []
        assert len(hold(parties, datetime.now(UTC) + timedelta(days=15))) == 1
        assert hold(parties, datetime.now(UTC) + timedelta(days=21)) == []

    def test_a_proposal_whose_time_is_over_cannot_be_accepted(
        self, parties: Parties, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (version,) = parties.propose(ends_on=day(5))["versions"]
        monkeypatch.setattr(api, "now", lambda: datetime.now(UTC) + timedelta(days=6))
        assert parties.code(parties.step(version, "accept", "birch"))[:2] == (409, "proposal_expired")

    def test_days_are_those_of_the_partnership(self, parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = parties.everybody.patch("/v1/partnership", {"time_zone": "Pacific/Auckland"})
        assert answer.json["time_zone"] == "Pacific/Auckland"
        monkeypatch.setattr(api, "now", lambda: datetime(2026, 6, 1, 20, tzinfo=UTC))  # the 2nd, there
        agreement = parties.agreed(starts_on="2026-06-01", ends_on="2026-06-03")
        assert agreement["holds_from"] == "2026-06-02"
        assert hold(parties, datetime(2026, 6, 1, 11, 59, tzinfo=UTC)) == []
        assert len(hold(parties, datetime(2026, 6, 1, 12, tzinfo=UTC))) == 1
        assert len(hold(parties, datetime(2026, 6, 3, 11, 59, tzinfo=UTC))) == 1
        assert hold(parties, datetime(2026, 6, 3, 12, tzinfo=UTC)) == []

    def test_boards_notice_that_crews_may_do_more(self, parties: Parties) -> None:
        sql = "SELECT id, change FROM crew WHERE partnership_id = :p"
        before = {row["id"]: row["change"] for row in parties.town.rows(sql)}
        parties.agreed(parties.term("alder", "birch"))
        after = {row["id"]: row["change"] for row in parties.town.rows(sql)}
        (head,) = parties.town.rows("SELECT change FROM head WHERE partnership_id = :p")
        assert after[parties.town.alder_crew] == head["change"] > before[parties.town.alder_crew]
        assert after[parties.town.birch_crew] == before[parties.town.birch_crew]

    def test_accepting_again_changes_nothing(self, parties: Parties) -> None:
        agreement = parties.agreed()
        (version,) = agreement["versions"]
        assert parties.step(version, "accept", "birch").json == version
        assert parties.read(agreement["id"]) == agreement

    def test_all_parties_at_once(self, parties: Parties) -> None:
        for _ in range(5):
            terms = [parties.term("alder", "birch"), parties.term("birch", "cedar")]
            (version,) = parties.propose(*terms)["versions"]
            with ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(parties.step, version, "accept", by) for by in ("birch", "cedar") * 2]
            assert [answer.result().status_code for answer in asked] == [200] * 4
            agreement = parties.read(version["agreement_id"])
            actions = [event["action"] for event in agreement["history"]]
            assert sorted(actions) == ["accepted", "accepted", "came_into_force", "proposed"]
            assert agreement["state"] == "in_force"

    def test_declining_while_another_accepts(self, parties: Parties) -> None:
        """Whoever is second is told; both never happen."""
        for _ in range(5):
            (version,) = parties.propose(parties.term("alder", "birch"), parties.term("birch", "cedar"))["versions"]
            assert parties.step(version, "accept", "cedar").status_code == 200
            with ThreadPoolExecutor(2) as pool:
                yes = pool.submit(parties.step, version, "accept", "birch")
                no = pool.submit(parties.step, version, "decline", "cedar")
            codes = sorted([yes.result().status_code, no.result().status_code])
            assert codes == [200, 409]
            expected = "accepted" if yes.result().status_code == 200 else "declined"
            assert parties.read(version["agreement_id"])["versions"][0]["state"] == expected


class TestSayingNo:
    def test_one_refusal_settles_it(self, parties: Parties) -> None:
        (version,) = parties.propose()["versions"]
        declined = parties.step(version, "decline", "birch", reason="Too dear").json
        assert (declined["state"], declined["holds_from"]) == ("declined", None)
        agreement = parties.read(version["agreement_id"])
        assert (agreement["state"], agreement["history"][-1]["reason"]) == ("lapsed", "Too dear")
        assert parties.code(parties.step(version, "accept", "birch"))[:2] == (409, "version_settled")
        assert parties.code(parties.step(version, "decline", "birch"))[:2] == (409, "version_settled")

    def test_who_has_accepted_may_still_decline_but_not_once_all_have(self, parties: Parties) -> None:
        (version,) = parties.propose(parties.term("alder", "birch"), parties.term("birch", "cedar"))["versions"]
        parties.step(version, "accept", "birch")
        assert parties.step(version, "decline", "birch").json["state"] == "declined"
        (version,) = parties.agreed()["versions"]
        assert parties.code(parties.step(version, "decline", "birch"))[:2] == (409, "version_settled")

    def test_only_who_proposed_withdraws(self, parties: Parties) -> None:
        (version,) = parties.propose()["versions"]
        assert parties.code(parties.step(version, "withdraw", "birch"))[:2] == (403, "not_allowed")
        assert parties.code(parties.step(version, "decline", "alder"))[:2] == (403, "not_allowed")
        assert parties.step(version, "withdraw", "alder", reason="A slip").json["state"] == "withdrawn"
        assert parties.code(parties.step(version, "withdraw", "alder"))[:2] == (409, "version_settled")
        assert parties.code(parties.step(version, "accept", "birch"))[:2] == (409, "version_settled")

    def test_after_a_refusal_another_proposal_can_be_made_by_the_other_side(self, parties: Parties) -> None:
        agreement = parties.propose()
        parties.step(agreement["versions"][0], "decline", "birch")
        version = parties.amend(agreement, parties.term(cents_per_hour=100), by="birch")
        assert (version["number"], version["proposer_id"]) == (2, str(parties.ids["birch"]))
        assert parties.accepted_by_all(version)["state"] == "in_force"


class TestAmending:
    def test_the_next_version_cuts_the_one_before(self, parties: Parties) -> None:
        agreement = parties.agreed(ends_on=day(100))
        version = parties.amend(
            agreement, parties.term(cap_minutes=60, cap_period="day"), by="birch", starts_on=day(10)
        )
        assert parties.read(agreement["id"])["versions"][0]["holds_until"] == day(100)  # nothing changes before it is
        first, second = parties.accepted_by_all(version)["versions"]
        assert (first["holds_until"], first["ends_on"]) == (day(9), day(100))
        assert (second["holds_from"], second["holds_until"]) == (day(10), None)
        ((before,), (after,)) = (hold(parties, datetime.now(UTC) + timedelta(days=days)) for days in (9, 10))
        assert (before.cap_minutes, after.cap_minutes) == (None, 60)

    def test_one_that_begins_at_once_ends_the_other_with_yesterday(self, parties: Parties) -> None:
        agreement = parties.agreed()
        first, second = parties.accepted_by_all(parties.amend(agreement, parties.term(cents_per_hour=1)))["versions"]
        # It never had a day of its own: it was agreed upon today as well.
        assert (first["state"], first["holds_from"], first["holds_until"]) == ("accepted", None, None)
        assert second["holds_from"] == day(0)
        assert [grant.cents_per_hour for grant in hold(parties)] == [1]

    def test_one_proposal_at_a_time(self, parties: Parties) -> None:
        agreement = parties.agreed()
        parties.amend(agreement)
        answer = parties.admins["birch"].post(f"{PATH}/{agreement['id']}/versions", parties.wanted())
        assert parties.code(answer)[:2] == (409, "proposal_open")

    def test_of_two_at_once_one_is_told(self, parties: Parties) -> None:
        agreement = parties.agreed()
        with ThreadPoolExecutor(2) as pool:
            asked = [
                pool.submit(parties.admins[by].post, f"{PATH}/{agreement['id']}/versions", parties.wanted())
                for by in ("alder", "birch")
            ]
        assert sorted(answer.result().status_code for answer in asked) == [201, 409]

    def test_who_is_left_out_has_to_accept_it_too(self, parties: Parties) -> None:
        agreement = parties.agreed(parties.term("alder", "birch"), parties.term("alder", "cedar"))
        version = parties.amend(agreement, parties.term("alder", "birch"))
        assert {party["jurisdiction_id"] for party in version["parties"]} == {str(id_) for id_ in parties.ids.values()}
        parties.step(version, "accept", "birch")
        assert {grant.receiver_id for grant in hold(parties)} == {parties.ids["birch"], parties.ids["cedar"]}
        parties.step(version, "accept", "cedar")
        assert {grant.receiver_id for grant in hold(parties)} == {parties.ids["birch"]}
        # From then on it is no party of it.
        following = parties.amend(agreement, parties.term("birch", "alder"))
        assert len(following["parties"]) == 2

    def test_a_new_party_may_come_in_but_not_propose_it(self, parties: Parties) -> None:
        agreement = parties.agreed()
        terms = [parties.term(), parties.term("alder", "cedar")]
        answer = parties.admins["cedar"].post(f"{PATH}/{agreement['id']}/versions", parties.wanted(*terms))
        assert parties.code(answer)[:2] == (404, "not_found")
        body = parties.wanted(*terms, jurisdiction_id=str(parties.ids["cedar"]))
        answer = parties.everybody.post(f"{PATH}/{agreement['id']}/versions", body)
        assert parties.code(answer) == (403, "not_allowed", "jurisdiction_id")
        assert len(parties.accepted_by_all(parties.amend(agreement, *terms))["jurisdiction_ids"]) == 3

    def test_what_was_to_begin_later_is_replaced_as_well(self, parties: Parties) -> None:
        agreement = parties.agreed()
        parties.accepted_by_all(parties.amend(agreement, parties.term(cents_per_hour=2), starts_on=day(20)))
        whole = parties.accepted_by_all(parties.amend(agreement, parties.term(cents_per_hour=3), starts_on=day(10)))
        assert [(one["holds_from"], one["holds_until"]) for one in whole["versions"]] == [
            (day(0), day(9)), (None, None), (day(10), None),
        ]  # fmt: skip
        assert [grant.cents_per_hour for grant in hold(parties, datetime.now(UTC) + timedelta(days=25))] == [3]


class TestEnding:
    def test_any_party_ends_it_with_the_notice_that_was_agreed(self, parties: Parties) -> None:
        agreement = parties.agreed(notice_days=30)
        answer = parties.end(agreement, day(29))
        assert (*parties.code(answer), answer.json["first_day"]) == (422, "notice_too_short", "on", day(30))
        ended = parties.end(agreement, day(30), reason="A crew of our own").json
        assert (ended["ended_on"], ended["holds_until"], ended["state"]) == (day(30), day(30), "in_force")
        event = ended["history"][-1]
        assert (event["action"], event["reason"]) == ("ended", "A crew of our own")
        assert event["jurisdiction_id"] == str(parties.ids["birch"])
        assert hold(parties, datetime.now(UTC) + timedelta(days=31)) == []

    def test_saying_it_again_changes_nothing_and_it_can_only_be_brought_forward(self, parties: Parties) -> None:
        agreement = parties.agreed(notice_days=5)
        ended = parties.end(agreement, day(20)).json
        assert parties.end(agreement, day(20)).json == ended
        assert parties.code(parties.end(agreement, day(21)))[:2] == (409, "agreement_over")
        assert parties.end(agreement, day(10), by="alder").json["holds_until"] == day(10)

    def test_without_a_notice_today_can_be_the_last_day_but_not_yesterday(self, parties: Parties) -> None:
        agreement = parties.agreed()
        assert parties.code(parties.end(agreement, day(-1)))[:2] == (422, "notice_too_short")
        assert parties.end(agreement, day(0)).json["holds_until"] == day(0)
        assert len(hold(parties)) == 1

    def test_the_notice_is_that_of_the_version_in_force(self, parties: Parties) -> None:
        agreement = parties.agreed(notice_days=10)
        parties.accepted_by_all(parties.amend(agreement, notice_days=90, starts_on=day(50)))
        assert parties.end(agreement, day(9)).json["first_day"] == day(10)
        first, second = parties.end(agreement, day(10)).json["versions"]
        assert (first["holds_until"], second["holds_from"]) == (day(10), None)  # what was to begin later never does

    def test_it_takes_what_waits_along_and_takes_no_proposal_more(self, parties: Parties) -> None:
        agreement = parties.agreed()
        version = parties.amend(agreement)
        ended = parties.end(agreement, day(3)).json
        assert [one["state"] for one in ended["versions"]] == ["accepted", "declined"]
        assert parties.code(parties.step(version, "accept", "birch"))[:2] == (409, "version_settled")
        answer = parties.admins["alder"].post(f"{PATH}/{agreement['id']}/versions", parties.wanted())
        assert parties.code(answer)[:2] == (409, "agreement_over")

    def test_what_never_was_in_force_or_ends_earlier_by_itself_cannot_be_ended(self, parties: Parties) -> None:
        assert parties.code(parties.end(parties.propose(), day(3)))[:2] == (409, "agreement_not_in_force")
        agreement = parties.agreed(ends_on=day(10))
        assert parties.code(parties.end(agreement, day(10))) == (422, "invalid_value", "on")
        assert parties.end(agreement, day(9)).status_code == 200

    def test_what_has_ended_by_itself_can_be_renewed(self, parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
        agreement = parties.agreed(ends_on=day(3))
        monkeypatch.setattr(api, "now", lambda: datetime.now(UTC) + timedelta(days=10))
        assert parties.read(agreement["id"])["state"] == "ended"
        assert parties.code(parties.end(agreement, day(12)))[:2] == (409, "agreement_not_in_force")
        whole = parties.accepted_by_all(parties.amend(agreement))
        assert [one["holds_from"] for one in whole["versions"]] == [day(0), day(10)]
        assert whole["versions"][0]["holds_until"] == day(3)

    def test_boards_notice_that_crews_may_do_less(self, parties: Parties) -> None:
        agreement = parties.agreed()
        parties.end(agreement, day(0))
        (head,) = parties.town.rows("SELECT change FROM head WHERE partnership_id = :p")
        (crew,) = parties.town.rows("SELECT change FROM crew WHERE id = :id", id=parties.town.alder_crew)
        assert crew["change"] == head["change"]


def test_a_code_is_given_once(parties: Parties) -> None:
    agreement = parties.propose()
    body = {"code": agreement["code"], "title": "Another"} | parties.wanted()
    assert parties.code(parties.admins["birch"].post(PATH, body))[:2] == (409, "already_there")
    assert parties.propose(title=f"Yet another {uuid4()}")["code"] != agreement["code"]
