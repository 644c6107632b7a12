"""Refused edits on the tablet: what the office decided on them, and entering one again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fieldsync.tablet import HttpLine, NotRefused, Reply, Tablet, Unreachable
from tests.tablet.live import Live

MakeTablet = Callable[..., Tablet]
DUE = {"due_at": "2030-01-01T00:00:00Z"}


def decide(live: Live, tablet: Tablet, edit_id: str, how: str, **body: Any) -> None:
    """What the dispatcher makes of a refused edit."""
    path = f"/v1/refused-edits/{tablet.device_id}/{edit_id}"
    etag = live.office.ask("GET", path).etag
    assert etag is not None
    reply = live.office.ask("POST", f"{path}/{how}", body, {"If-Match": etag})
    assert reply.status == 200, reply


def refused(tablet: Tablet, job: str | None = None, **fields: Any) -> Any:
    """An edit that was refused: only the office may enter one of its fields."""
    job = job or tablet.records("work_order")[0].id
    seq = tablet.update("work_order", job, DUE | fields)
    tablet.sync()
    (edit,) = [edit for edit in tablet.refused() if edit.seq == seq]
    assert edit.verdict is not None
    assert (edit.verdict.verdict, edit.decided) == ("refused", None)
    return edit


def test_sent_back_it_comes_with_the_office_s_words(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    edit = refused(tablet, title="Deep hole")
    tablet.put_aside(edit.seq)
    assert tablet.refused() == []
    decide(live, tablet, edit.edit_id, "send-back", reason="Leave the date to us.")
    tablet.sync()
    (again,) = tablet.refused()
    assert again.seq == edit.seq
    assert again.decided is not None
    assert (again.decided["state"], again.decided["reason"]) == ("sent_back", "Leave the date to us.")
    # Entered again, with what the person made of it.
    seq = tablet.enter_again(edit.seq, {"description": "Two of them."}, without=["due_at"])
    assert tablet.refused() == []
    tablet.sync()
    (new,) = [done for done in tablet.journal() if done.seq == seq]
    assert (new.fields, new.verdict and new.verdict.verdict) == (
        {"title": "Deep hole", "description": "Two of them."}, "applied",
    )  # fmt: skip
    # It is asked for once: nothing new has been decided.
    assert not tablet.exchange().refusals_decided
    assert tablet.fetch_refusals() == 0


def test_what_the_office_applied_is_done(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    edit = refused(tablet, title="As the office has it")
    decide(live, tablet, edit.edit_id, "apply")
    tablet.sync()
    assert tablet.refused() == []
    record = tablet.record("work_order", edit.record_id)
    assert record is not None
    assert record.fields["title"] == "As the office has it"
    (held,) = [done for done in tablet.journal() if done.seq == edit.seq]
    assert held.decided is not None
    assert held.decided["state"] == "applied"


def test_a_dismissal_is_seen_once(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    edit = refused(tablet)
    decide(live, tablet, edit.edit_id, "dismiss", reason="A duplicate.")
    tablet.sync()
    (seen,) = tablet.refused()
    assert seen.decided is not None
    assert seen.decided["reason"] == "A duplicate."
    tablet.put_aside(edit.seq)
    # Also where all decisions come once more, as after a restoration of the server.
    with tablet._store.transaction() as connection:
        connection.execute("UPDATE state SET refusals_decided = 0")
    assert tablet.fetch_refusals() == 1
    assert tablet.refused() == []


def test_a_refused_creation_is_entered_again_under_its_id(live: Live, make_tablet: MakeTablet) -> None:
    """So that what hangs on it can be, too."""
    tablet = make_tablet()
    tablet.sync()
    fields = {name: tablet.records("work_order")[0].fields[name] for name in ("service_type_id", "location")}
    job = tablet.create("work_order", fields | DUE | {"title": "New"})
    note = tablet.create("note", {"work_order_id": job, "body": "Deep"})
    tablet.sync()
    made, hung = tablet.refused()
    tablet.enter_again(made.seq, without=["due_at"])
    tablet.enter_again(hung.seq)
    tablet.sync()
    assert tablet.refused() == []
    assert {record.id for record in tablet.records("note", job)} == {note}


def test_fields_that_the_server_does_not_know(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = tablet.records("work_order")[0].id
    seq = tablet.update("work_order", job, {"title": "Newer", "hazard": "gas"})
    tablet.sync()
    (edit,) = tablet.refused()
    assert edit.verdict is not None
    assert edit.verdict.verdict in ("applied", "merged")
    assert [problem["field"] for problem in edit.verdict.refused_fields] == ["hazard"]
    # The rest of it stands, and is not entered twice.
    tablet.enter_again(seq, {"description": "Gas!"}, without=["hazard"])
    assert tablet.waiting()[0].fields == {"description": "Gas!"}
    tablet.sync()
    assert tablet.refused() == []


def test_only_what_was_refused(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    seq = tablet.update("work_order", tablet.records("work_order")[0].id, {"title": "x"})
    for number in (seq, seq + 1):
        with pytest.raises(NotRefused):
            tablet.enter_again(number)
    tablet.sync()
    with pytest.raises(NotRefused):
        tablet.enter_again(seq)


class Broken:
    """A line on which the list of refused edits is lost, or is none, for the first so many times."""

    def __init__(self, url: str, times: int) -> None:
        self.line = HttpLine(url)
        self.left = times

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = self.line.send(method, path, headers, body)
        if "/sync/refused" in path and self.left:
            self.left -= 1
            if self.left % 2:
                raise Unreachable("Lost.")
            return Reply(200, {"Content-Type": "application/json"}, b'{"items": [{"decided": null}], "next": null}')
        return reply


def test_a_list_that_did_not_come_is_asked_for_again(live: Live, make_tablet: MakeTablet) -> None:
    line = Broken(live.url, 5)
    tablet = make_tablet(line=line)
    tablet.sync()
    edit = refused(tablet)
    decide(live, tablet, edit.edit_id, "send-back", reason="Why?")
    tablet.sync(wait=lambda _: None)
    assert line.left == 0
    assert tablet.refused()[0].decided is not None


def test_page_by_page(live: Live, make_tablet: MakeTablet) -> None:
    tablet = make_tablet()
    tablet.sync()
    job = tablet.records("work_order")[0].id
    with tablet.together():
        for _ in range(120):
            tablet.update("work_order", job, DUE)
    tablet.sync()
    live.sql(
        """INSERT INTO refused_edit_decision
               (partnership_id, author_id, edit_id, version, entry, number, state, decided_by, decided_at, reason)
           SELECT j.partnership_id, j.author_id, j.edit_id, 1, j.entry, row_number() OVER (ORDER BY j.entry),
                  'dismissed', s.id, now(), 'x'
           FROM journal j CROSS JOIN LATERAL (
               SELECT id FROM staff WHERE partnership_id = j.partnership_id LIMIT 1) s
           WHERE j.author_id = %s AND j.verdict = 'refused'""",
        tablet.device_id,
    )
    live.sql("UPDATE device SET refusals_decided = 120 WHERE id = %s", tablet.device_id)
    tablet.sync()
    assert len([edit for edit in tablet.refused() if edit.decided is not None]) == 120
