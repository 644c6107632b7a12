"""A revoked tablet may deposit what it holds, and is told nothing."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from fieldsync.auth.actor import ANYONE, REVOKED_DEVICE, Blueprint
from fieldsync.sync.quarantine import deposit
from tests.api.custody.losing import device_of
from tests.api.custody.lost import Lost
from tests.api.office.world import now


class TestWhatARevokedTabletIsTold:
    def test_at_every_other_address_that_it_was_revoked(self, lost: Lost) -> None:
        lost.revoke()
        app = lost.world.app
        asked = 0
        for rule in app.url_map.iter_rules():
            blueprint = app.blueprints[rule.endpoint.rpartition(".")[0]]
            assert isinstance(blueprint, Blueprint)
            actors = blueprint.actors_of(rule.endpoint)
            if (ANYONE in actors and not blueprint.recognises) or REVOKED_DEVICE in actors:
                continue
            path = re.sub(r"<(?:\w+:)?\w+>", str(UUID(int=0)), rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                headers = {"Authorization": f"Bearer {lost.world.tokens['alpha']}"}
                answer = app.test_client().open(path, method=method, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.json is not None
                assert answer.json["code"] == "device_revoked", (method, path)
                assert set(answer.json) == {"type", "title", "status", "code", "detail", "request_id"}
                asked += 1
        assert asked > 150

    def test_nothing_but_its_own_numbers(self, lost: Lost) -> None:
        lost.find()
        lost.revoke()
        answer = lost.deposit()
        assert (answer.status_code, answer.json) == (202, {"deposited_seq": 1, "waiting": 1})
        assert lost.deposit([]).json == {"deposited_seq": 1, "waiting": 1}
        assert lost.deposit(limit=1000, cursor=None).json == {"deposited_seq": 1, "waiting": 1}

    def test_without_a_quarantine_its_token_means_nothing(self, lost: Lost) -> None:
        lost.find()
        assert lost.revoke(quarantine=False)["quarantined"] is False
        for answer in (lost.exchange(), lost.deposit()):
            assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")
        # Somebody thinks better of it, and of that.
        lost.revoke(quarantine=True)
        assert lost.deposited() == (1, 1)
        lost.revoke()
        assert lost.deposited() == (1, 1)
        lost.revoke(quarantine=False)
        assert lost.deposit().status_code == 401
        assert lost.released(1) == ["applied"]

    def test_a_token_that_was_rotated_away_before_means_nothing(self, lost: Lost) -> None:
        world = lost.world
        old = world.tokens["alpha"]
        world.tokens["alpha"] = world.ask("POST", "/devices/current/token", "alpha").json["token"]
        assert lost.exchange([]).status_code == 200
        unused = world.ask("POST", "/devices/current/token", "alpha").json["token"]
        lost.revoke()
        for token, status in ((old, 401), (world.tokens["alpha"], 202), (unused, 202)):
            world.tokens["alpha"] = token
            answer = lost.deposit([])
            assert answer.status_code == status
        world.tokens["alpha"] = old
        assert lost.deposit([]).json["code"] == "not_authenticated"

    def test_only_revoked_tablets_deposit(self, lost: Lost) -> None:
        assert (lost.deposit([]).status_code, lost.deposit([]).json["code"]) == (403, "not_allowed")
        assert lost.world.ask("POST", "/sync/deposit", json={}).json["code"] == "not_allowed"
        answer = lost.world.app.test_client().post("/v1/sync/deposit", json={})
        assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")

    def test_revoked_for_good_and_at_once(self, lost: Lost) -> None:
        first = lost.revoke()
        assert lost.revoke() == first
        assert lost.exchange([]).json["code"] == "device_revoked"


class TestDepositing:
    def test_keeps_each_edit_once(self, lost: Lost) -> None:
        job = lost.find()
        lost.note(job)
        lost.revoke()
        assert lost.deposited() == (2, 2)
        # The answer was lost; more was entered meanwhile.
        lost.note(job, "Deeper")
        assert lost.deposited() == (3, 3)
        assert lost.deposited(lost.edits[1:]) == (3, 3)
        assert [one["seq"] for one in lost.quarantine().json["items"]] == [1, 2, 3]
        assert lost.journal() == []

    def test_goes_on_where_the_exchanges_ended(self, lost: Lost) -> None:
        """An edit that was received, whose answer was lost, is not kept again."""
        job = lost.find()
        assert lost.exchange().status_code == 200
        lost.note(job)
        lost.revoke()
        assert lost.deposited() == (2, 1)
        (waiting,) = lost.quarantine().json["items"]
        assert (waiting["seq"], waiting["fields"]) == (2, lost.edits[1]["fields"])

    def test_has_no_holes(self, lost: Lost) -> None:
        lost.find()
        lost.find()
        lost.find()
        lost.revoke()
        answer = lost.deposit(lost.edits[1:])
        assert (answer.status_code, answer.json["code"], answer.json["expected_seq"]) == (409, "sequence_gap", 1)
        assert lost.quarantine().json["items"] == []

    @pytest.mark.parametrize("sent_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_by_a_clock_beyond_all_years(self, lost: Lost, sent_at: str) -> None:
        """A moment that nobody could read back would bar what waits for ever."""
        lost.find()
        lost.revoke()
        assert lost.deposited(sent_at=sent_at) == (1, 1)
        answer = lost.quarantine()
        assert (answer.status_code, [one["seq"] for one in answer.json["items"]]) == (200, [1])
        assert lost.released(1) == ["applied"]

    def test_the_same_from_two_connections_at_once(self, lost: Lost) -> None:
        for _ in range(40):
            lost.find()
        lost.revoke()
        parts = [lost.edits, lost.edits[:20], lost.edits[:1], lost.edits]
        with ThreadPoolExecutor(4) as pool:
            answers = [one.result() for one in [pool.submit(lost.deposit, part) for part in parts]]
        assert {answer.status_code for answer in answers} <= {202, 429}
        assert lost.deposited() == (40, 40)
        assert [one["seq"] for one in lost.quarantine(limit=100).json["items"]] == list(range(1, 41))

    def test_other_content_under_a_used_number_is_kept_beside_it(self, lost: Lost) -> None:
        """An old copy of the tablet's file: the first one stands, and nothing is thrown away."""
        lost.find()
        lost.exchange()
        lost.find()
        lost.revoke()
        lost.deposit()
        others = [
            edit | {"edit_id": str(uuid4()), "fields": edit["fields"] | {"title": "Another"}} for edit in lost.edits
        ]
        for _ in range(2):
            assert lost.deposited(others) == (2, 1)
        waiting = lost.quarantine().json["items"]
        assert [(one["seq"], one["other_content"]) for one in waiting] == [(1, True), (2, False), (2, True)]
        assert lost.released(2) == ["refused", "applied", "refused"]
        assert [row.seq for row in lost.journal()] == [1, None, 2, None]
        assert lost.deposited(others) == (2, 0)
        assert lost.quarantine().json["items"] == []

    @pytest.mark.parametrize("field", ["\ud800", "a\0b"])
    def test_what_cannot_be_read_is_kept_and_refused_when_it_is_released(self, lost: Lost, field: str) -> None:
        lost.find(title=field)
        lost.find()
        lost.edits[1]["kind"] = 7
        lost.find()
        lost.revoke()
        body = {"protocol": 1, "sent_at": now().isoformat(), "edits": lost.edits}
        answer = lost.world.ask(
            "POST", "/sync/deposit", by="alpha", data=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.json == {"deposited_seq": 3, "waiting": 3}
        waiting = lost.quarantine().json["items"]
        assert [one["kind"] for one in waiting] == ["work_order", None, "work_order"]
        assert lost.released(3) == ["refused", "refused", "applied"]
        codes = [row.problem and row.problem["code"] for row in lost.journal()]
        assert codes == ["invalid_value", "malformed_edit", None]

    @pytest.mark.parametrize("readable", [True, False])
    def test_nothing_that_is_deposited_bars_what_is_behind_it(self, lost: Lost, readable: bool) -> None:
        """Nested as deeply as can just be read: perhaps no more when it is looked at, and when it is released."""
        lost.revoke()
        kept = 0
        for depth in range(850, 1_000, 3):
            lost.find()
            edit = json.dumps(lost.edits[-1] | {"seq": kept + 1, "fields": 0} | ({} if readable else {"kind": 7}))
            nested = "[" * depth + "]" * depth
            body = f'{{"protocol": 1, "sent_at": "{now().isoformat()}", "edits": [{edit[:-2]}{{"title": {nested}}}}}]}}'
            answer = lost.world.ask(
                "POST", "/sync/deposit", by="alpha", data=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (202, 400), answer.json
            kept += answer.status_code == 202
        assert kept
        assert len(lost.quarantine(limit=100).json["items"]) == kept
        assert set(lost.released(kept)) == {"refused"}

    def test_is_limited_in_number_size_and_time(self, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(4):
            lost.find()
        lost.revoke()
        monkeypatch.setattr(deposit, "EDITS_MAX", 3)
        assert lost.deposited(lost.edits[:2]) == (2, 2)
        answer = lost.deposit()
        assert (answer.status_code, answer.json["code"], answer.json["most"]) == (409, "quarantine_full", 3)
        # Other content under used numbers counts as well: whoever stole it cannot fill the disk.
        flood = [lost.edits[0] | {"edit_id": str(uuid4()), "base_version": None, "fields": {"title": f"{n}"}}
                 for n in range(5)]  # fmt: skip
        assert lost.deposit(flood).json["code"] == "quarantine_full"
        assert lost.deposited(lost.edits[:3]) == (3, 3)
        monkeypatch.setattr(deposit, "EDITS_MAX", 100)
        monkeypatch.setattr(deposit, "BYTES_MAX", 1_000)
        assert lost.deposit().json["most_bytes"] == 1_000
        monkeypatch.setattr(deposit, "BYTES_MAX", 1_000_000)
        long_ago = now() - timedelta(days=lost.world.app.config["FIELDSYNC"].offline_days + 1)
        # A token's end and its device's are the same moment.
        lost.world.rows("UPDATE token SET revoked_at = :at WHERE device_id = :d RETURNING 1", at=long_ago,
                        d=device_of(lost.world))  # fmt: skip
        lost.world.rows("UPDATE device SET revoked_at = :at WHERE id = :d RETURNING 1", at=long_ago,
                        d=device_of(lost.world))  # fmt: skip
        assert "closed_at" in lost.deposit().json
        page = lost.quarantine().json
        assert (page["open"], page["edits"]) == (False, 3)
        assert lost.released(3) == ["applied"] * 3

    def test_a_malformed_deposit_is_refused_as_an_exchange_is(self, lost: Lost) -> None:
        lost.revoke()
        assert lost.deposit(protocol=7).json["code"] == "wrong_protocol"
        assert lost.deposit([{"kind": "note"}]).json["code"] == "malformed_body"
        assert lost.deposit([{}] * 1_001).json["code"] == "malformed_body"
