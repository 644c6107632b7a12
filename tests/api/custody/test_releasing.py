"""A dispatcher decides what becomes of what a revoked tablet has deposited."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from fieldsync.observe import HeldGauges
from fieldsync.sync.quarantine import read, release
from tests.api.custody.lost import Lost
from tests.api.custody.test_disbanding import disband
from tests.api.office.world import EAST, World, now


class TestReleasing:
    def test_enters_them_in_order_as_the_tablets_own(self, lost: Lost) -> None:
        job = lost.find(status="in_progress")
        lost.note(job)
        lost.enter("work_order", job, "update", 0, None, status="completed")
        device = lost.revoke()
        lost.deposit()
        assert lost.released(3) == ["applied"] * 3
        rows = lost.journal()
        assert {(str(row.author_id), row.side, row.crew_id) for row in rows} == {
            (device["id"], "crew", lost.world.crews["alpha"])
        }
        assert [row.seq for row in rows] == [1, 2, 3]
        assert lost.world.read(job)["record"]["status"] == "completed"
        found = lost.world.ask("GET", lost.path).json
        assert (found["expected_seq"], found["deposited_seq"]) == (4, 3)
        # Again, as though the answer had been lost: nothing is done twice, and nothing deposited is wanted again.
        answer = lost.release(3)
        assert (answer.status_code, answer.json) == (200, {"through_seq": 3, "waiting": 0, "verdicts": []})
        assert lost.deposited() == (3, 0)

    def test_a_part_at_a_time(self, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(release, "RELEASED_MAX", 2)
        for _ in range(5):
            lost.find()
        lost.revoke()
        lost.deposit()
        through = []
        for _ in range(3):
            answer = lost.release(5).json
            through.append((answer["through_seq"], answer["waiting"], len(answer["verdicts"])))
        assert through == [(2, 3, 2), (4, 1, 2), (5, 0, 1)]

    def test_other_content_under_the_last_number_is_no_end(self, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(release, "RELEASED_MAX", 2)
        lost.find()
        lost.find()
        lost.revoke()
        lost.deposit()
        for title in ("Other", "Another"):
            lost.deposit([{**lost.edits[1], "fields": lost.edits[1]["fields"] | {"title": title}}])
        answers = [lost.release(2).json for _ in range(2)]
        assert [(answer["through_seq"], len(answer["verdicts"])) for answer in answers] == [(1, 2), (2, 2)]
        assert lost.quarantine().json["edits"] == 0
        assert [row.verdict for row in lost.journal()] == ["applied", "applied", "refused", "refused"]

    def test_what_is_not_let_in_is_refused_with_the_reason_and_what_hangs_on_it_too(self, lost: Lost) -> None:
        good, bad = lost.find(), lost.find(title="Planted")
        lost.note(bad)
        lost.note(good)
        lost.revoke()
        lost.deposit()
        assert lost.release(4, reject=[2]).json["field"] == "reason"
        answer = lost.release(4, reject=[2], reason="Nobody of ours was there")
        assert [one["verdict"] for one in answer.json["verdicts"]] == ["applied", "refused", "refused", "applied"]
        problem = answer.json["verdicts"][1]["problem"]
        assert (problem["code"], problem["detail"]) == ("not_released", "Nobody of ours was there")
        assert answer.json["verdicts"][2]["problem"]["code"] == "depends_on"
        assert lost.world.ask("GET", f"/work-orders/{bad}").status_code == 404
        kept = lost.journal()[1]
        assert (kept.verdict, kept.fields["title"]) == ("refused", "Planted")
        (made,) = lost.quarantine().json["releases"]
        assert (made["from_seq"], made["through_seq"], made["rejected"], made["name"]) == (1, 4, [2], "Dispatcher")
        # Said again it is the same; said of another, it is too late.
        assert lost.release(4, reject=[2], reason="Nobody of ours was there").json["verdicts"] == []
        late = lost.release(4, reject=[1], reason="That one, too")
        assert (late.status_code, late.json["code"], late.json["seq"]) == (409, "released_already", 1)

    def test_only_what_was_deposited(self, lost: Lost) -> None:
        lost.find()
        lost.revoke()
        lost.deposit()
        assert lost.release(2).json["field"] == "through_seq"
        assert lost.release(1, reject=[2], reason="No").json["field"] == "reject"
        assert lost.release(0).status_code == 422
        assert lost.release(1, reason="x" * 2_001).status_code == 422
        assert lost.release(1, reject=[1], reason="No\0").status_code == 422

    def test_its_times_are_those_of_the_deposit(self, lost: Lost) -> None:
        """A clock that is days ahead is corrected by what it showed then; nothing happened after it was received."""
        lost.skew = timedelta(days=3)
        lost.enter("work_order", uuid4(), "create", None, now() - timedelta(hours=5), title="Hole",
                   service_type_id=str(lost.world.pothole), location=EAST)  # fmt: skip
        lost.enter("work_order", uuid4(), "create", None, now() + timedelta(hours=1), title="Hole",
                   service_type_id=str(lost.world.pothole), location=EAST)  # fmt: skip
        lost.revoke()
        lost.deposit(lost.edits[:1])
        lost.skew = timedelta(days=-2)
        lost.deposit()
        deposited = [one["received_at"] for one in lost.quarantine().json["items"]]
        lost.released(2)
        first, second = lost.journal()
        assert abs(first.happened_at - (now() - timedelta(hours=5))) < timedelta(minutes=1)
        assert second.happened_at.isoformat() == deposited[1].replace("Z", "+00:00")
        assert second.received_at > second.happened_at

    def test_what_the_office_did_meanwhile_counts(self, lost: Lost) -> None:
        """As with any tablet that was away: both values are kept, and a job that was given away is in custody."""
        kept, given = (lost.world.create(crew_id=str(lost.world.crews["alpha"])) for _ in range(2))
        for job in (kept, given):
            lost.enter("work_order", job["id"], "update", job["version"], None, status="completed", title="Mine")
        lost.revoke()
        lost.deposit()
        lost.world.change(kept, title="Theirs")
        lost.world.ask("POST", f"/work-orders/{given['id']}/assignment", if_match=given["etag"],
                       json={"crew_id": str(lost.world.crews["beta"])})  # fmt: skip
        answer = lost.release(2).json
        assert [(one["verdict"], one["conflicts"]) for one in answer["verdicts"]] == [
            ("conflicted", 1),
            ("conflicted", 2),
        ]
        assert lost.world.read(given["id"])["record"]["status"] == "open"

    def test_of_a_crew_that_was_disbanded_meanwhile(self, lost: Lost) -> None:
        open_, finished = lost.find(), lost.find(status="completed")
        lost.revoke()
        lost.deposit()
        disband(lost.world)
        assert lost.released(2) == ["applied", "applied"]
        assert lost.world.read(open_)["record"]["crew_id"] is None
        assert lost.world.read(finished)["record"]["crew_id"] == str(lost.world.crews["alpha"])

    def test_an_id_that_was_used_before_is_refused(self, lost: Lost) -> None:
        lost.find()
        lost.exchange()
        lost.find()
        lost.edits[1]["edit_id"] = lost.edits[0]["edit_id"]
        lost.find()
        lost.revoke()
        lost.deposit()
        answer = lost.release(3).json
        assert [one["verdict"] for one in answer["verdicts"]] == ["refused", "applied"]
        assert answer["verdicts"][0]["problem"]["code"] == "edit_reused"

    def test_to_reject_one_whose_id_was_used_before_may_be_said_again(self, lost: Lost) -> None:
        lost.find()
        lost.find()
        lost.edits[1]["edit_id"] = lost.edits[0]["edit_id"]
        lost.revoke()
        lost.deposit()
        answers = [lost.release(2, reject=[1, 2], reason="Planted") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        codes = [one["problem"]["code"] for one in answers[0].json["verdicts"]]
        assert codes == ["not_released", "edit_reused"]

    def test_revoked_in_the_middle_of_its_exchanges_it_loses_nothing(self, lost: Lost) -> None:
        """Whatever was under way then, each edit is in the journal once, or in quarantine."""
        for _ in range(40):
            lost.find()

        some = threading.Event()

        def exchanging() -> set[str]:
            codes = set()
            for end in range(1, 41):
                if end == 6:
                    some.set()
                answer = lost.exchange(lost.edits[:end][-10:] if end > 10 else lost.edits[:end])
                codes.add("" if answer.status_code == 200 else answer.json["code"])
            return codes

        with ThreadPoolExecutor(2) as pool:
            running = pool.submit(exchanging)
            assert some.wait(60)
            lost.revoke()
            assert running.result() == {"", "device_revoked"}
        received = len(lost.journal())
        assert lost.deposited() == (40, 40 - received)
        assert lost.released(40) == ["applied"] * (40 - received)
        assert [row.seq for row in lost.journal()] == list(range(1, 41))

    def test_while_more_is_deposited(self, lost: Lost) -> None:
        for _ in range(60):
            lost.find()
        lost.revoke()
        lost.deposit(lost.edits[:5])

        def depositing() -> None:
            for end in range(6, 61):
                assert lost.deposit(lost.edits[:end]).status_code == 202

        def releasing() -> None:
            while (page := lost.quarantine().json)["deposited_seq"] < 60 or page["edits"]:
                assert lost.release(page["deposited_seq"]).status_code == 200

        with ThreadPoolExecutor(3) as pool:
            for one in [pool.submit(depositing), pool.submit(releasing), pool.submit(releasing)]:
                one.result()
        rows = lost.journal()
        assert [(row.seq, row.verdict) for row in rows] == [(seq, "applied") for seq in range(1, 61)]
        assert lost.deposited() == (60, 0)


class TestWho:
    def test_reads_and_releases_what_is_of_her_jurisdiction(self, lost: Lost, elsewhere: World) -> None:
        lost.find()
        lost.revoke()
        lost.deposit()
        for by, status in (("of east", 404), ("gis", 403), ("alpha", 401)):
            assert lost.quarantine(by).status_code == status, by
            assert lost.release(1, by).status_code == status, by
        assert lost.quarantine("admin").status_code == 200
        assert lost.release(1, "admin").status_code == 403
        for method, path, body in (("GET", "", None), ("POST", "/release", {"through_seq": 1})):
            answer = elsewhere.ask(method, f"{lost.path}/quarantine{path}", json=body)
            assert answer.status_code == 404
        assert lost.release(1, "of west").status_code == 200

    def test_finds_the_tablets_whose_edits_wait(self, lost: Lost) -> None:
        lost.find()
        lost.revoke()

        def listed(waiting: str) -> dict[str, int]:
            items = lost.world.ask("GET", "/devices", query_string={"waiting": waiting}).json["items"]
            return {one["name"]: one["waiting"] for one in items}

        assert listed("true") == {}
        lost.deposit()
        assert (listed("true"), listed("false")) == ({"alpha-1": 1}, {"beta-1": 0})
        lost.release(1)
        assert listed("false") == {"alpha-1": 0, "beta-1": 0}

    def test_pages(self, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(7):
            lost.find(description="x" * 300)
        lost.revoke()
        lost.deposit()
        for limit, most in ((3, 10**6), (50, 1_000), (50, 1)):
            monkeypatch.setattr(read, "PAGE_BYTES", most)
            seen: list[int] = []
            query: dict[str, Any] = {"limit": limit}
            while True:
                page = lost.quarantine(**query).json
                assert page["items"]
                seen += [one["seq"] for one in page["items"]]
                if page["next"] is None:
                    break
                query["cursor"] = page["next"]
            assert seen == list(range(1, 8))
        assert lost.quarantine(cursor="nonsense").status_code == 422

    def test_operators_see_how_much_waits(self, lost: Lost) -> None:
        lost.find()
        lost.revoke()
        lost.deposit()
        for name in list(lost.world.app.extensions):
            if isinstance(lost.world.app.extensions[name], HeldGauges):
                del lost.world.app.extensions[name]
        text = lost.world.app.test_client().get("/metrics").get_data(as_text=True)
        slug = "p" + lost.world.partnership_id.hex[-20:]
        assert f'fieldsync_quarantined_edits{{partnership="{slug}"}} 1.0' in text
