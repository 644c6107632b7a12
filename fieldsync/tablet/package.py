"""The package of boundaries: fetched when there is a network, kept in the file, and brought up to date by what changed.

The format and the algorithm are described in docs/boundaries-serving.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fieldsync.tablet.edits import to_json
from fieldsync.tablet.line import Line, understood
from fieldsync.tablet.problems import NotEnrolled, Unreachable
from fieldsync.tablet.store import Store

PATH = "/v1/boundaries/package"
FORMAT = 1

Document = dict[str, Any]


def fetch(store: Store, line: Line) -> bool:
    """Ask for the boundaries in force and store them. Returns whether they are others than before.

    Raises:
        Unreachable: nothing came of it; what the tablet has stays.
        NotEnrolled: the token is not taken.
        ServerRefused: see ``line.ask``.
    """
    have = kept(store)
    answer = _ask(store, line, have)
    if answer is None:
        return False
    try:
        package = answer if answer["whole"] else applied(have, answer)
    except (KeyError, TypeError, ValueError, IndexError):
        # What changed does not fit to what is here: everything anew.
        whole = _ask(store, line, None)
        if whole is None:
            raise Unreachable("The answer is not whole.") from None
        package = whole
    with store.transaction() as connection:
        connection.execute("DELETE FROM package")
        connection.execute("INSERT INTO package (only_row, body) VALUES (1, ?)", (to_json(package),))
    return True


def kept(store: Store) -> Document | None:
    """The package that the tablet has, whole; None before the first one."""
    rows = store.read("SELECT body FROM package")
    return json.loads(rows[0]["body"]) if rows else None


def _ask(store: Store, line: Line, have: Mapping[str, Any] | None) -> Document | None:
    """The server's answer; None where it has nothing newer."""
    token = store.state()["token"]
    if token is None:
        raise NotEnrolled("This tablet has not been enrolled.")
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "Authorization": f"Bearer {token}"}
    path = PATH
    if have is not None:
        headers["If-None-Match"] = f'"{have["package"]}"'
        path += f"?have={quote(have['package'])}"
    reply = line.send("GET", path, headers, None)
    if reply.status == 304 and have is not None:
        return None
    answer = understood(reply)
    if answer.get("format") != FORMAT or not isinstance(answer.get("layers"), list):
        raise Unreachable("The answer has not the shape of a package of boundaries.")
    return answer


def applied(have: Mapping[str, Any] | None, answer: Mapping[str, Any]) -> Document:
    """The package that the answer makes of the one that the tablet has.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it was not made for that one.
    """
    if have is None or answer["since"] != have["package"]:
        raise ValueError("The changes are to another package.")
    before = {layer["layer_id"]: layer["topology"] for layer in have["layers"]}
    layers = []
    for layer in answer["layers"]:
        new = dict(layer)
        if "changes" in layer:
            new["topology"] = _changed(before[layer["layer_id"]], new.pop("changes"))
        layers.append(new)
    return {**answer, "whole": True, "since": None, "layers": layers}


def _changed(old: Mapping[str, Any], changes: Mapping[str, Any]) -> Document:
    arcs, moved = _merged(old["arcs"], changes["arcs"])
    areas, _ = _merged(old["objects"]["areas"]["geometries"], changes["areas"], moved)
    topology: Document = {"type": "Topology", "transform": old["transform"]}
    if changes["bbox"] is not None:
        topology["bbox"] = changes["bbox"]
    objects = {"areas": {"type": "GeometryCollection", "geometries": areas}}
    return topology | {"objects": objects, "arcs": arcs}


def _merged(
    old: list[Any], changes: Mapping[str, Any], arcs: Mapping[int, int] | None = None
) -> tuple[list[Any], dict[int, int]]:
    """The new list, and where in it each old item that stays has come to stand. Areas refer to arcs by the new
    positions."""
    gone = set(changes["gone"])
    new = dict(changes["new"])
    merged: list[Any] = []
    moved: dict[int, int] = {}
    stays = (at for at in range(len(old)) if at not in gone)
    for place in range(len(old) - len(gone) + len(new)):
        if place in new:
            merged.append(new[place])
        else:
            at = next(stays, None)
            if at is None:
                raise ValueError("The changes leave a hole.")
            moved[at] = place
            merged.append(old[at] if arcs is None else _renumbered(old[at], arcs))
    return merged, moved


def _renumbered(area: Document, arcs: Mapping[int, int]) -> Document:
    def renumber(value: Any) -> Any:
        if isinstance(value, list):
            return [renumber(inner) for inner in value]
        return arcs[value] if value >= 0 else ~arcs[~value]

    return area | {"arcs": renumber(area["arcs"])} if "arcs" in area else area
