"""The nine laws of the exchange, as one machine: tablets of several crews, an office, a bad network, wrong clocks.

Hypothesis chooses who does what; after every answer each verdict is compared with an oracle's, and at the end all that
was promised is checked. Every run takes the same examples; ``FIELDSYNC_LAWS_EXAMPLES=2000`` looks for new ones.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.sync_model import laws
from tests.sync_model.cast import Carried, Pool, Tenant
from tests.sync_model.oracle import Ruling
from tests.sync_model.plans import (
    CHOSEN,
    FINISHING,
    OFFICE_PLANS,
    OFFICE_WORK,
    REQUIRED,
    TABLET_PLANS,
    TABLET_WORK,
    Plan,
    at_random,
)
from tests.sync_model.world import Document, make_world, now

EXAMPLES = int(os.environ.get("FIELDSYNC_LAWS_EXAMPLES", "0"))
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES or 20,
    stateful_step_count=8,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)

WHO = st.integers(0, 3)
LIMITS = st.sampled_from([0, 1, 2, 3, 7, 500])
FATES_OF_DAYS = ["arrives", "arrives", "arrives", "is lost", "comes twice", "comes shuffled", "stays here"]
FATES = st.sampled_from(FATES_OF_DAYS)
TURNS = st.lists(
    st.one_of(
        st.tuples(WHO, st.lists(TABLET_PLANS, min_size=2, max_size=6), FATES, LIMITS),
        st.tuples(WHO, st.lists(TABLET_PLANS, min_size=2, max_size=6), FATES, LIMITS),
        st.lists(OFFICE_PLANS, min_size=1, max_size=3),
    ),
    min_size=3,
    max_size=6,
)


class Exchanges(RuleBasedStateMachine):
    """Two crews with three tablets in one partnership, and a tablet of another one that uses the same ids."""

    app: Flask

    def __init__(self) -> None:
        super().__init__()
        pool = Pool()
        self.ours = Tenant(make_world(self.app), pool)
        self.theirs = Tenant(make_world(self.app, crews=1), pool)
        self.tablets = [
            Carried(self.ours, 0, 0), Carried(self.ours, 0, 7 * 3600), Carried(self.ours, 1, -90),
            Carried(self.theirs, 0, 3),
        ]  # fmt: skip
        # Something to run into each other over.
        for who, whats in (
            (0, ["make_job"] * 3),
            (2, ["make_job"]),
            (0, ["make_task"] * 3),
            (2, ["make_task", "note"]),
        ):
            for number, what in enumerate(whats):
                self.tablets[who].make(Plan(what, 1 + number, {}, None, 0, False))
            self.sync(self.tablets[who], "arrives", 500)
        for carried in self.tablets:
            self.sync(carried, "arrives", 500)

    @rule(turns=TURNS)
    def day(self, turns: list[Any]) -> None:
        """People work and are connected now and then; what the office does comes in between."""
        for turn in turns:
            if isinstance(turn, list):
                self.office(turn)
                continue
            who, plans, fate, limit = turn
            for plan in plans:
                self.tablets[who].make(plan)
            self.sync(self.tablets[who], fate, limit)

    @rule(seed=st.integers(0, 2**32 - 1))
    def busy_day(self, seed: int) -> None:
        """As many turns as take a long list of Hypothesis's own choices, for one of them."""
        chance = random.Random(seed)
        for _ in range(12):
            who = chance.randrange(5)
            if chance.random() < 0.1:
                self.ours.require(chance.choice(REQUIRED))
            if chance.random() < 0.2:
                self.ours.choose(*chance.choice(CHOSEN))
            if who == 4:
                self.office([at_random(chance, OFFICE_WORK) for _ in range(chance.randint(1, 3))])
                continue
            for _ in range(chance.randint(1, 6)):
                self.tablets[who].make(at_random(chance, TABLET_WORK))
            self.sync(self.tablets[who], chance.choice(FATES_OF_DAYS), chance.choice([0, 2, 7, 500]))

    def sync(self, carried: Carried, fate: str, limit: int, back: int = 0, ahead: int = 1_000) -> None:
        """Send a part of the queue, perhaps with some that the server has already."""
        if fate == "stays here":
            return
        start = max(0, carried.acknowledged - back)
        batch = carried.queue[start : len(carried.settled) + ahead]
        answer = self._send(carried, batch[::-1] if fate == "comes shuffled" else batch, limit)
        if fate == "comes twice":
            self._send(carried, batch, limit)
        if fate != "is lost":
            carried.learn(answer)

    @rule(who=WHO, back=st.integers(0, 6), ahead=st.integers(0, 4), fate=FATES, limit=LIMITS)
    def send_a_part(self, who: int, back: int, ahead: int, fate: str, limit: int) -> None:
        self.sync(self.tablets[who], fate, limit, back, ahead)

    @rule(who=WHO, limit=LIMITS, arrives=st.booleans())
    def pull(self, who: int, limit: int, arrives: bool) -> None:
        """One page; the battery may die before it is stored."""
        answer = self._send(self.tablets[who], [], limit)
        if arrives:
            self.tablets[who].learn(answer)

    @rule(who=WHO, which=st.integers(0, 20), title=st.sampled_from(["forged", "forged again"]))
    def forge(self, who: int, which: int, title: str) -> None:
        """Send something else under a number that was used: refused, for that edit alone."""
        carried = self.tablets[who]
        if not carried.settled:
            return
        edit = carried.queue[which % len(carried.settled)] | {"fields": {"title": title}, "record_id": _id(which)}
        edit |= {"kind": "work_order", "action": "update", "base_version": 0}
        if edit["edit_id"] is None or not edit["observed_at"].endswith("+00:00"):
            return
        (verdict,) = carried.tablet.push(edit)
        assert (verdict["verdict"], verdict["problem"]["code"]) == ("refused", "edit_reused")
        carried.misfits.add(json.dumps(edit))

    @rule(who=WHO, ahead=st.integers(1, 3))
    def leave_a_gap(self, who: int, ahead: int) -> None:
        carried = self.tablets[who]
        note = carried.tablet.edit("note", _id(0), "create", {}, seq=len(carried.settled) + 1 + ahead)
        response = carried.tablet.post(json.dumps(carried.tablet.document([note])))
        assert (response.status_code, response.json["code"]) == (409, "sequence_gap")
        assert response.json["expected_seq"] == len(carried.settled) + 1

    def office(self, plans: list[Plan]) -> None:
        for plan in plans:
            ruling, decision = self.ours.at_desk(plan, now() - timedelta(seconds=max(plan.late_s, 0)))
            code = decision.problem["code"] if decision.problem else None
            assert (decision.verdict, decision.version, code) == (ruling.verdict, ruling.version, ruling.code)
            assert len(decision.clashes) == len(ruling.conflicts)

    @rule(
        who=st.integers(0, 2), which=st.integers(1, 4), document=st.sampled_from(REQUIRED),
        steps=st.lists(st.sampled_from(FINISHING), max_size=5), late=st.lists(st.sampled_from(FINISHING), max_size=2),
        fate=FATES,
    )  # fmt: skip
    def finish(self, who: int, which: int, document: Document, steps: list[Plan], late: list[Plan], fate: str) -> None:
        """A crew begins a job and says that it is done, and again after more work. Meanwhile an admin has changed what
        that needs."""
        status = [Plan("edit_job", 0, {"status": name}, None, 0, False) for name in ("in_progress", "completed")]
        self.ours.require(document)
        for plan in (status[0], *steps, status[1], *late, status[1]):
            self.tablets[who].make(replace(plan, which=which))
        self.sync(self.tablets[who], fate, 500)

    @rule(who=st.integers(0, 2))
    def change_crew(self, who: int) -> None:
        """The tablet is handed to the other crew, and goes on with what is queued on it."""
        carried = self.tablets[who]
        carried.crew = 1 - carried.crew
        crew_id, device_id = self.ours.crews[carried.crew], carried.tablet.device_id
        self.ours.world.run(
            "UPDATE device SET crew_id = :crew WHERE partnership_id = :p AND id = :id", crew=crew_id, id=device_id
        )

    @rule()
    def restore_a_backup(self) -> None:
        """Of nothing but the epoch: tablets must start anew."""
        self.ours.world.run("UPDATE head SET epoch = gen_random_uuid() WHERE partnership_id = :p")

    def teardown(self) -> None:
        for carried in self.tablets:
            self._send(carried, carried.queue[len(carried.settled) :], 0)
            laws.nothing_changes_by_sending_all_again(carried)
            laws.every_verdict_can_be_read_again(carried)
        for tenant in (self.ours, self.theirs):
            laws.records_are_the_oracle_s(tenant)
            laws.the_journal_holds_every_edit_once(tenant, [c for c in self.tablets if c.tenant is tenant])
            laws.no_value_is_lost(tenant.world)
            laws.a_replay_gives_the_same(tenant.world)
        for number, carried in enumerate(self.tablets):
            laws.drain(carried, limit=(3, 7, 5, 500)[number])
            laws.replica_is_the_scope(carried)
            fresh = Carried(carried.tenant, carried.crew, 0)
            laws.drain(fresh, limit=(8, 500, 6, 2)[number])
            assert fresh.replica == carried.replica

    def _send(self, carried: Carried, batch: list[Document], limit: int) -> Document:
        """Send a batch and compare each verdict with the oracle's."""
        document = carried.tablet.document(batch, limit=limit)
        response = carried.tablet.post(json.dumps(document))
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: Document = response.json
        assert [v["seq"] for v in answer["verdicts"]] == sorted(edit["seq"] for edit in batch)
        sent_at, received_at = (datetime.fromisoformat(t) for t in (document["sent_at"], answer["server_time"]))
        for verdict in answer["verdicts"]:
            if verdict["seq"] <= len(carried.settled):
                assert verdict["verdict"] == "repeated"
                assert verdict["recorded"] == laws.recorded(carried.settled[verdict["seq"] - 1])
                continue
            expected = carried.expect(verdict["seq"] - 1, sent_at, received_at)
            assert _ruling(verdict) == expected, carried.queue[verdict["seq"] - 1]
            carried.settled.append(verdict)
        assert answer["expected_seq"] == len(carried.settled) + 1
        return answer


def _ruling(verdict: Document) -> Ruling:
    problem = verdict["problem"]
    names = ("sort", "field", "policy", "state", "base", "kept", "other")
    conflicts: list[tuple[Any, ...]] = [tuple(c[name] for name in names) for c in verdict["conflicts"]]
    refused = [problem["field"] for problem in verdict["refused_fields"]]
    code = problem and problem["code"]
    return Ruling(verdict["verdict"], verdict["version"], Unordered(conflicts), code, refused)


class Unordered(list[Any]):
    """Equal to a list with the same items."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(map(repr, self)) == sorted(map(repr, other))

    __hash__ = None  # type: ignore[assignment]


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012}"


def test_the_laws(sync_app: Flask) -> None:
    machine = type("ExchangesOfThisRun", (Exchanges,), {"app": sync_app})
    run_state_machine_as_test(machine, settings=SETTINGS)
