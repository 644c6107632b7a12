"""The boundaries in force now -> a tablet's package, whole or as what changed since the one that it has."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.boundaries.held import Held
from fieldsync.boundaries.packages import queries
from fieldsync.boundaries.packages.delta import changes
from fieldsync.boundaries.packages.outlines import layers_of, make, outlines
from fieldsync.boundaries.queries import NEXT_START
from fieldsync.database import db
from geo.topology.outline import ERROR_M, RECIPE

FORMAT = 1

BYTES_HELD_MAX = 32 * 1024 * 1024
"""Whole packages and deltas that a process keeps at hand. After a publication, all tablets ask for the same one."""

LAYERS_NAMED_MAX = 100
"""With more layers, a package's id does not name their versions: it would not fit into an address, and each new
package comes whole."""

ID_LENGTH_MAX = 2_400

_held = Held(BYTES_HELD_MAX)


class PackageLayer(msgspec.Struct, omit_defaults=True):
    """A layer in force. It has either its whole `topology`, or the `changes` to the one that the tablet has."""

    layer_id: UUID
    version_id: UUID
    number: int
    name: str
    role: str
    rank: int | None
    service_types: list[str]
    tolerance_m: float
    border_m: float
    topology: msgspec.Raw | None = None
    changes: dict[str, Any] | None = None


class Package(msgspec.Struct):
    """The boundaries in force, for a tablet: docs/boundaries-serving.md says how to read it."""

    format: int
    package: str
    """Names exactly this content; also the answer's ETag."""
    whole: bool
    since: str | None
    """The package to which `changes` refer; null where everything is in this one."""
    error_m: float
    """Every point of a border here is within so many metres of the true one."""
    until: datetime | None
    """When another version comes into force, as far as is known now."""
    layers: list[PackageLayer]
    """In the order in which they are asked: overlays by rank, then the jurisdiction layer."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What makes up a package, before anything is drawn."""

    id: str
    until: datetime | None
    layers: tuple[PackageLayer, ...]


def composition(partnership_id: UUID, at: datetime | None = None) -> Composition:
    """What is in force at `at`; without it, now by the database's clock."""
    session = db.session()
    at = at or session.execute(queries.NOW).scalar_one()
    bound = {"partnership_id": partnership_id, "at": at}
    rows = session.execute(queries.IN_FORCE, bound).mappings().all()
    # A version ends only where another begins, so this is until when the package is right, unless somebody publishes
    # earlier or withdraws.
    until = session.execute(NEXT_START, {"partnership_id": partnership_id, "starts": at}).scalar_one()
    layers = tuple(PackageLayer(**row) for row in rows)
    return Composition(_id(until, layers), until, layers)


def _id(until: datetime | None, layers: Sequence[PackageLayer]) -> str:
    """Opaque to tablets: what the package is made by, a digest of all that is said in it, and the versions."""
    said = msgspec.json.encode([FORMAT, ERROR_M, until, layers])
    versions = b"".join(layer.version_id.bytes for layer in layers) if len(layers) <= LAYERS_NAMED_MAX else b""
    content = bytes([FORMAT, RECIPE]) + hashlib.sha256(said).digest()[:10] + versions
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def versions_in(package_id: str) -> list[UUID]:
    """The versions that a package of this kind was made of; none for an id that is not ours, or of an older kind."""
    try:
        content = base64.b64decode(package_id + "=" * (-len(package_id) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return []
    made_by, versions = content[:2], content[12:]
    if made_by != bytes([FORMAT, RECIPE]) or len(versions) % 16:
        return []
    return [UUID(bytes=versions[at : at + 16]) for at in range(0, len(versions), 16)]


def package(partnership_id: UUID, wanted: Composition, have: str | None) -> bytes:
    """The package as JSON: what changed since `have`, or the whole one where that is unknown, too old, or smaller.

    Raises:
        ComeAgain: it is being made.
    """
    whole = _held.get((partnership_id, wanted.id))
    if whole is None:
        whole = _whole(partnership_id, wanted)
        _held.put((partnership_id, wanted.id), whole)
    if have is None:
        return whole
    changed = _held.get((partnership_id, wanted.id, have))
    if changed is None:
        changed = _since(partnership_id, wanted, have) or whole
        changed = min(changed, whole, key=len)
        _held.put((partnership_id, wanted.id, have), changed)
    return changed


def _whole(partnership_id: UUID, wanted: Composition) -> bytes:
    stored = outlines(db.session(), partnership_id, [layer.version_id for layer in wanted.layers])
    layers = []
    for layer in wanted.layers:
        topology = stored.get(layer.version_id)
        if topology is None:
            topology = make(partnership_id, layer.version_id)
        layers.append(msgspec.structs.replace(layer, topology=msgspec.Raw(topology)))
    return msgspec.json.encode(Package(FORMAT, wanted.id, True, None, ERROR_M, wanted.until, layers))


def _since(partnership_id: UUID, wanted: Composition, have: str) -> bytes | None:
    """What changed since that package; None where that cannot be told."""
    before = versions_in(have)
    if not before:
        return None
    had = layers_of(partnership_id, before)
    needed = {*had.values(), *(layer.version_id for layer in wanted.layers)}
    stored = outlines(db.session(), partnership_id, needed)
    if len(had) < len(before) or len(stored) < len(needed):
        return None
    layers = []
    for layer in wanted.layers:
        topology = stored[layer.version_id]
        old = had.get(layer.layer_id)
        if old is None:
            layers.append(msgspec.structs.replace(layer, topology=msgspec.Raw(topology)))
        else:
            changed = changes(msgspec.json.decode(stored[old]), msgspec.json.decode(topology))
            layers.append(msgspec.structs.replace(layer, changes=changed))
    return msgspec.json.encode(Package(FORMAT, wanted.id, False, have, ERROR_M, wanted.until, layers))
