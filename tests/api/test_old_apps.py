"""Apps older and newer than the server: who is still taken, what is said to the others, and that nothing is lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from fieldsync.database import new_id
from fieldsync.sync import exchange
from fieldsync.sync.schema import SCHEMA, added
from fieldsync.tablet import AppOutdated, Reply, Tablet, conversation
from tests.sync_model.world import World, end_app, make_app, make_world

HINT = "Ask the depot for FieldSync 3, or open https://apps.example.org/fieldsync"


@pytest.fixture(scope="module")
def strict_app(database_url: str) -> Iterator[Flask]:
    """A server that takes no apps of the first step any more."""
    app = make_app(database_url, schema_min=SCHEMA, app_hint=HINT)
    yield app
    end_app(app)


class InProcess:
    """A line to an application in this process; it can be another one from now on."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.received = 0
        """Bytes, before they were compressed."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        answer = self.app.test_client().open(path, method=method, headers=dict(headers), data=body)
        told = {"Content-Type": answer.headers["Content-Type"]}
        data = answer.data
        if answer.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        self.received += len(data)
        return Reply(answer.status_code, told, data)


Make = Callable[[World, Flask], tuple[Tablet, InProcess]]


@pytest.fixture
def make_tablet(tmp_path: Path) -> Iterator[Make]:
    made: list[Tablet] = []

    def make(world: World, app: Flask) -> tuple[Tablet, InProcess]:
        line = InProcess(app)
        tablet = Tablet(tmp_path / f"{len(made)}.sqlite3", "http://127.0.0.1:9", line=line)
        made.append(tablet)
        device = world.tablet()
        with tablet._store.transaction() as connection:
            connection.execute(
                "UPDATE state SET token = ?, device_id = ?, crew_id = ?",
                (device.token, str(device.device_id), str(world.crew_ids[0])),
            )
        return tablet, line

    yield make
    for tablet in made:
        tablet.close()


class TestWhoIsTaken:
    @pytest.mark.parametrize(("protocol", "code"), [(0, "upgrade_required"), (2, "wrong_protocol")])
    def test_another_protocol(self, world: World, strict_app: Flask, protocol: int, code: str) -> None:
        tablet = make_world(strict_app).tablet()
        body = tablet.document([tablet.edit("note", new_id(), "create", {})], protocol=protocol)
        answer = tablet.post(json.dumps(body))
        told = answer.json
        assert (answer.status_code, told["code"], told["field"]) == (400, code, "protocol")
        assert (told["protocol"], told["protocol_min"], told["protocol_max"]) == (1, 1, 1)
        assert told.get("app") == (HINT if code == "upgrade_required" else None)
        assert tablet.exchange(schema=SCHEMA)["expected_seq"] == 1

    def test_a_later_server_that_speaks_no_first_protocol(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exchange, "PROTOCOL_MIN", 2)
        monkeypatch.setattr(exchange, "PROTOCOL", 3)
        tablet = world.tablet()
        for protocol, code in ((1, "upgrade_required"), (2, None), (3, None), (4, "wrong_protocol")):
            answer = tablet.post(json.dumps(tablet.document(protocol=protocol)))
            assert answer.json.get("code") == code
            if code:
                assert [answer.json[name] for name in ("protocol_min", "protocol_max")] == [2, 3]

    def test_shapes_that_are_too_old(self, strict_app: Flask) -> None:
        world = make_world(strict_app)
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job())
        for schema in ({}, {"schema": 1}):
            answer = tablet.post(json.dumps(tablet.document([edit], **schema)))
            told = answer.json
            assert (answer.status_code, told["code"], told["field"]) == (400, "upgrade_required", "schema")
            assert (told["schema_min"], told["schema"], told["app"]) == (SCHEMA, SCHEMA, HINT)
        assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p") == 0
        for schema_now in (SCHEMA, SCHEMA + 5):
            (verdict,) = tablet.exchange([edit], schema=schema_now)["verdicts"]
            assert (verdict.get("recorded") or verdict)["verdict"] == "applied"

    def test_a_setting_beyond_what_we_know_locks_nobody_out(self, database_url: str) -> None:
        app = make_app(database_url, schema_min=SCHEMA + 1)
        assert make_world(app).tablet().exchange(schema=SCHEMA)["limits"]["schema"] == SCHEMA
        end_app(app)

    def test_every_answer_says_what_is_spoken_here(self, world: World) -> None:
        limits = world.tablet().exchange()["limits"]
        told = [limits[name] for name in ("protocol_min", "protocol_max", "schema", "offline_days")]
        assert told == [1, 1, SCHEMA, 180]

    def test_what_an_envelope_has_besides_is_passed_over(self, world: World) -> None:
        tablet = world.tablet()
        edit = tablet.edit("work_order", new_id(), "create", world.job()) | {"mood": "good"}
        assert tablet.exchange([edit], colour="red", schema=SCHEMA)["verdicts"][0]["verdict"] == "applied"

    @pytest.mark.parametrize("schema", [0, -1, 10_001, "2", 1.5])
    def test_no_step(self, world: World, schema: Any) -> None:
        tablet = world.tablet()
        answer = tablet.post(json.dumps(tablet.document(schema=schema)))
        assert (answer.status_code, answer.json["code"]) == (400, "malformed_body")


class TestReferenceTablet:
    def test_an_outdated_app_keeps_its_queue_and_goes_on_once_it_is_updated(
        self, strict_app: Flask, make_tablet: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = make_world(strict_app)
        tablet, _ = make_tablet(world, strict_app)
        tablet.sync()
        monkeypatch.setattr(conversation, "SCHEMA", 1)  # an app of before
        job = tablet.create("work_order", world.job())
        tablet.update("work_order", job, {"status": "in_progress"})
        for _ in range(3):
            with pytest.raises(AppOutdated) as outdated:
                tablet.sync()
            assert outdated.value.code == "upgrade_required"
            assert outdated.value.where == HINT
            assert [edit.seq for edit in tablet.waiting()] == [1, 2]
            assert tablet.record("work_order", job) is not None  # still shown
        tablet.create("note", {"work_order_id": job, "body": "goes on working"})
        monkeypatch.undo()
        tablet.sync()
        assert tablet.waiting() == []
        assert [edit.verdict.verdict for edit in tablet.journal() if edit.verdict] == ["applied"] * 3
        assert world.value("SELECT count(*) FROM note WHERE partnership_id = :p") == 1

    def test_an_update_brings_what_the_old_app_did_not_know_and_no_record_again(
        self, sync_app: Flask, make_tablet: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = make_world(sync_app)
        hand = world.tablet()
        hand.push(*[hand.edit("work_order", new_id(), "create", world.job()) for _ in range(200)])
        world.run("UPDATE work_order SET respond_by = '2026-05-04T08:00:00Z' WHERE partnership_id = :p")
        tablet, line = make_tablet(world, sync_app)
        monkeypatch.setattr(conversation, "SCHEMA", 1)
        tablet.sync()
        first = line.received
        forget(tablet)
        job = tablet.records("work_order")[0].id
        tablet.update("work_order", job, {"title": "Entered by the old app"})
        line.received = 0
        monkeypatch.undo()  # the update
        tablet.sync()
        assert line.received < first * 0.6
        fresh, _ = make_tablet(world, sync_app)
        fresh.sync()
        assert tablet.server_records() == fresh.server_records()
        assert tablet.record("work_order", job).fields["title"] == "Entered by the old app"  # type: ignore[union-attr]


def forget(tablet: Tablet) -> None:
    """Let the tablet's file be as an app of the first step would have kept it."""
    later = added(1, SCHEMA)
    with tablet._store.transaction() as connection:
        for kind in later.kinds:
            connection.execute("DELETE FROM record WHERE kind = ?", (kind,))
        for kind, columns in later.columns.items():
            paths = [f"$.{column}" for column in columns]
            marks = ", ".join("?" * len(paths))
            connection.execute(f"UPDATE record SET body = json_remove(body, {marks}) WHERE kind = ?", (*paths, kind))


def test_what_an_older_app_does_not_send_keeps_its_value(world: World) -> None:
    """An app that knows neither tags nor asset edits the rest."""
    tablet = world.tablet()
    job = tablet.new_job(tags=["wet"], asset="A1", description="by a newer app")
    (verdict,) = tablet.push(tablet.edit("work_order", job, "update", {"title": "By an older app"}, 1))
    assert verdict["verdict"] == "applied"
    stands = world.rows("SELECT title, tags, asset, description FROM work_order WHERE id = :id", id=job)[0]
    assert tuple(stands.values()) == ("By an older app", ["wet"], "A1", "by a newer app")
