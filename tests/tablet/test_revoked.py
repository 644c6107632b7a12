"""A tablet that the office revokes: it shows nothing any more, hands in what waits, and keeps that until it joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fieldsync.tablet import DeviceRevoked, Tablet, Unreachable
from tests.tablet.live import Live
from tests.tablet.test_exchange import Wire, new_job, some_job

Make = Callable[..., Tablet]


def revoke(live: Live, tablet: Tablet, **body: Any) -> None:
    live.office.need("POST", f"/v1/devices/{tablet.device_id}/revoke", body or None)


def quarantine(live: Live, tablet: Tablet) -> dict[str, Any]:
    return live.office.need("GET", f"/v1/devices/{tablet.device_id}/quarantine")  # type: ignore[no-any-return]


@pytest.fixture
def wire(live: Live) -> Wire:
    return Wire(live.url)


def test_it_hands_in_what_waits_and_drops_the_rest(live: Live, make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire, edits_max=2)
    tablet.sync()
    job = some_job(tablet)
    tablet.fetch_boundaries()
    notes = [tablet.create("note", {"work_order_id": job, "body": f"{number}"}) for number in range(5)]
    revoke(live, tablet)
    with pytest.raises(DeviceRevoked):
        tablet.sync()
    assert tablet.is_revoked
    assert tablet.server_records() == {}
    assert tablet.whose(-79.99, 40.44) is None
    assert [edit.record_id for edit in tablet.waiting()] == notes
    page = quarantine(live, tablet)
    assert [(one["seq"], one["record_id"]) for one in page["items"]] == list(enumerate(notes, start=1))
    # Nothing more to hand in: it asks once, and that is all.
    wire.sent.clear()
    with pytest.raises(DeviceRevoked):
        tablet.sync()
    assert "/v1/sync/deposit" not in [one["path"] for one in wire.sent]
    # What is entered afterwards goes there, too.
    tablet.create("note", {"work_order_id": job, "body": "later"})
    with pytest.raises(DeviceRevoked):
        tablet.sync()
    assert quarantine(live, tablet)["edits"] == 6


def test_nothing_that_others_said_is_left_in_its_own_edits(live: Live, make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire)
    tablet.sync()
    job = some_job(tablet)
    tablet.update("work_order", job, {"address": "Typed while away"})
    live.assign(job, None)
    tablet.sync()
    (edit,) = tablet.conflicts()
    assert edit.verdict is not None
    assert edit.verdict.conflicts
    revoke(live, tablet)
    with pytest.raises(DeviceRevoked):
        tablet.sync()
    (edit,) = tablet.journal()
    assert edit.fields == {"address": "Typed while away"}
    assert edit.verdict is not None
    assert edit.verdict.conflicts == []


def test_an_answer_that_is_lost_deposits_nothing_twice(live: Live, make_tablet: Make, wire: Wire) -> None:
    tablet = make_tablet(line=wire, edits_max=2)
    tablet.sync()
    job = some_job(tablet)
    for number in range(4):
        tablet.create("note", {"work_order_id": job, "body": f"{number}"})
    revoke(live, tablet)
    send = wire._inner.send
    deposits = []

    def losing(method: str, path: str, *rest: Any) -> Any:
        reply = send(method, path, *rest)
        if path.endswith("/deposit"):
            deposits.append(reply.status)
            if len(deposits) in (1, 3):
                raise Unreachable("The answer was lost.")
        return reply

    wire._inner.send = losing  # type: ignore[method-assign]
    with pytest.raises(DeviceRevoked):
        tablet.sync(wait=lambda seconds: None)
    assert set(deposits) == {202}
    assert [one["seq"] for one in quarantine(live, tablet)["items"]] == [1, 2, 3, 4]


def test_a_found_tablet_that_joins_anew_sends_nothing_twice(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    acknowledged = new_job(tablet)
    tablet.sync()
    tablet.create("note", {"work_order_id": acknowledged, "body": "deposited"})
    revoke(live, tablet)
    with pytest.raises(DeviceRevoked):
        tablet.sync()
    lost_device = tablet.device_id
    later = tablet.create("note", {"work_order_id": acknowledged, "body": "entered since"})
    tablet.enrol(live.code(live.crew()["id"]))
    tablet.sync()
    assert not tablet.is_revoked
    assert tablet.waiting() == []
    assert {one.id for one in tablet.records("note", acknowledged)} == {later}
    released = live.office.need("POST", f"/v1/devices/{lost_device}/quarantine/release", {"through_seq": 2})
    assert [one["verdict"] for one in released["verdicts"]] == ["applied"]
    tablet.sync()
    bodies = sorted(one.fields["body"] for one in tablet.records("note", acknowledged))
    assert bodies == ["deposited", "entered since"]
    assert tablet.refused() == []


def test_new_hardware_starts_clean(live: Live, make_tablet: Make) -> None:
    """The crew's next tablet has never heard of the lost one: everything that was acknowledged is there."""
    lost = make_tablet()
    lost.sync()
    job = new_job(lost)
    lost.sync()
    lost.create("note", {"work_order_id": job, "body": "never sent"})
    revoke(live, lost)
    fresh = make_tablet()
    fresh.sync()
    assert fresh.record("work_order", job) is not None
    assert fresh.waiting() == []
    other = make_tablet()
    other.sync()
    assert fresh.server_records() == other.server_records()


def test_revoked_without_a_quarantine_it_keeps_all_of_it(live: Live, make_tablet: Make) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = new_job(tablet)
    revoke(live, tablet, quarantine=False)
    with pytest.raises(Exception, match="token") as caught:
        tablet.sync()
    assert not isinstance(caught.value, DeviceRevoked)
    assert [edit.record_id for edit in tablet.waiting()] == [job]
