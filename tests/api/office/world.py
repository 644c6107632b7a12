"""A small partnership to act in: two towns side by side, two crews with tablets, and the people of the office."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import shapely
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from fieldsync.auth import tokens
from fieldsync.auth.models import Device, Staff, StaffRole, Token
from fieldsync.crews.models import Crew, Member
from fieldsync.database import new_id, transaction
from fieldsync.partnerships.models import Head, Jurisdiction, Partnership
from fieldsync.workorders.models import ServiceType
from geo.areas import AreaSet, Source
from geo.load import load_draft
from tests.agreements import agree
from tests.geo.layers import check_and_publish

WEST = {"lon": -80.0, "lat": 40.5}
EAST = {"lon": -79.8, "lat": 40.5}
NOWHERE = {"lon": -70.0, "lat": 40.5}
TOWNS = {"west": shapely.box(-80.1, 40.0, -79.9, 41.0), "east": shapely.box(-79.9, 40.0, -79.7, 41.0)}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    """A partnership. Every id in it is known by a short name."""

    app: Flask
    partnership_id: UUID = field(default_factory=new_id)
    towns: dict[str, UUID] = field(default_factory=dict)
    crews: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    staff: dict[str, UUID] = field(default_factory=dict)
    pothole: UUID = field(default_factory=new_id)
    signal: UUID = field(default_factory=new_id)
    member: UUID = field(default_factory=new_id)

    def ask(
        self, method: str, path: str, by: str = "dispatcher", if_match: str | None = None,
        headers: dict[str, str] | None = None, **options: Any,
    ) -> TestResponse:  # fmt: skip
        """One request by a person of the office (or a tablet), each with a client of its own."""
        sent = {"Authorization": f"Bearer {self.tokens[by]}"} | (headers or {})
        if if_match is not None:
            sent["If-Match"] = if_match
        return self.app.test_client().open("/v1" + path, method=method, headers=sent, **options)

    def create(self, by: str = "dispatcher", **fields: Any) -> dict[str, Any]:
        """A new work order, as the office reads it."""
        given = {"title": "Hole", "service_type_id": str(self.pothole), "location": WEST} | fields
        answer = self.ask("POST", "/work-orders", by, json=given)
        assert answer.status_code == 201, answer.json
        return answer.json  # type: ignore[no-any-return]

    def read(self, record_id: str, **query: Any) -> dict[str, Any]:
        """A work order as it is now."""
        answer = self.ask("GET", f"/work-orders/{record_id}", query_string=query)
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def change(self, work_order: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Edit a work order on the version that ``work_order`` shows."""
        answer = self.ask("PATCH", f"/work-orders/{work_order['id']}", if_match=work_order["etag"], json=fields)
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def rows(self, sql: str, **bound: Any) -> list[Any]:
        """What the database holds."""
        with self.app.app_context(), transaction() as session:
            return list(session.execute(text(sql), {"p": self.partnership_id} | bound))

    def agree(self, giver: str = "west", receiver: str = "east", **term: Any) -> UUID:
        """Crews of one town may work for the other; the agreement's term."""
        with self.app.app_context(), transaction() as session:
            return agree(session, self.partnership_id, self.towns[giver], self.towns[receiver], **term).id

    def tablet(self, crew: str) -> Tablet:
        return Tablet(self, crew)


@dataclass
class Tablet:
    """A crew's tablet: numbers its edits, keeps what it receives."""

    world: World
    crew: str
    cursor: str | None = None
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    gone: list[tuple[str, str]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def edit(
        self, kind: str, record_id: Any, action: str, base: int | None = None, at: datetime | None = None, **fields: Any
    ) -> dict[str, Any]:
        """An edit, sent at once; its verdict."""
        edit = {
            "seq": next(self.numbers), "edit_id": str(uuid4()), "kind": kind, "record_id": str(record_id),
            "action": action, "base_version": base, "observed_at": (at or now()).isoformat(), "fields": fields,
        }  # fmt: skip
        return self.exchange([edit])["verdicts"][0]  # type: ignore[no-any-return]

    def exchange(self, edits: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Push and pull to the end of the feed."""
        more, answer, edits = True, {}, edits or []
        first: dict[str, Any] = {}
        while more:
            body = {"protocol": 1, "sent_at": now().isoformat(), "cursor": self.cursor, "edits": edits}
            response = self.world.ask("POST", "/sync", by=self.crew, json=body)
            assert response.status_code == 200, response.json
            answer = response.json
            first = first or answer
            self._receive(answer)
            more, edits = answer["more"], []
        return first

    def _receive(self, answer: dict[str, Any]) -> None:
        if answer["reset"]:
            self.records.clear()
        for change in answer["changes"]:
            key = (change["kind"], change["id"])
            if "gone" not in change:
                self.records[key] = change
                continue
            self.gone.append((change["id"], change["gone"]))
            self.records.pop(key, None)
            for other, held in list(self.records.items()):
                if held["record"].get("work_order_id") == change["id"]:
                    del self.records[other]
        self.cursor = answer["cursor"]


def make_world(app: Flask) -> World:
    """A new partnership in the app's database."""
    world = World(app)
    with app.app_context(), transaction() as session:
        _people(session, world)
        _boundaries(session, world)
    return world


def _people(session: Session, world: World) -> None:
    own = {"partnership_id": world.partnership_id}
    session.add(Partnership(id=world.partnership_id, slug="p" + world.partnership_id.hex[-20:], name="Partners"))
    session.flush()
    session.add(Head(**own, change=1))
    for code in TOWNS:
        world.towns[code] = new_id()
        session.add(Jurisdiction(**own, id=world.towns[code], code=code, name=code.title(), change=1))
    for code, id_ in (("pothole", world.pothole), ("signal", world.signal)):
        session.add(ServiceType(**own, id=id_, code=code, name=code.title(), change=1))
    session.add(Member(**own, id=world.member, name="Maria"))
    session.flush()
    for name in ("alpha", "beta"):
        world.crews[name], device_id = new_id(), new_id()
        session.add(
            Crew(**own, id=world.crews[name], jurisdiction_id=world.towns["west"], code=name, name=name.title())
        )
        session.flush()
        session.add(Device(**own, id=device_id, crew_id=world.crews[name], name=f"{name}-1", app_version="2.4"))
        session.flush()
        world.tokens[name], token_hash = tokens.make("device", world.partnership_id)
        session.add(Token(**own, token_hash=token_hash, id=new_id(), device_id=device_id, purpose="device"))
    for name, role, town in (
        ("dispatcher", "dispatcher", None), ("second", "dispatcher", None), ("of west", "dispatcher", "west"),
        ("of east", "dispatcher", "east"), ("admin", "admin", None), ("gis", "gis", None),
    ):  # fmt: skip
        world.staff[name] = new_id()
        email = name.replace(" ", "-") + "@example.org"
        session.add(Staff(**own, id=world.staff[name], email=email, name=name.title()))
        session.flush()
        jurisdiction_id = None if town is None else world.towns[town]
        session.add(
            StaffRole(**own, id=new_id(), staff_id=world.staff[name], role=role, jurisdiction_id=jurisdiction_id)
        )
        world.tokens[name], token_hash = tokens.make("api", world.partnership_id)
        session.add(Token(**own, token_hash=token_hash, id=new_id(), staff_id=world.staff[name], purpose="api"))
    session.flush()


def _boundaries(session: Session, world: World) -> None:
    layer_id = new_id()
    session.execute(
        text("INSERT INTO layer (partnership_id, id, name) VALUES (:p, :id, 'towns')"),
        {"p": world.partnership_id, "id": layer_id},
    )
    geoms = np.array([shapely.multipolygons([town]) for town in TOWNS.values()], dtype=object)
    source = Source("towns.geojson", "GeoJSON", "towns", "EPSG:4326", "UTF-8", "code", "name", 0.0)
    areas = AreaSet(tuple(TOWNS), tuple(code.title() for code in TOWNS), geoms, source)
    version_id = load_draft(session, world.partnership_id, layer_id, areas)
    check_and_publish(session, world.partnership_id, version_id, now() - timedelta(days=1))
