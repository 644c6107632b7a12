"""Checking the plan from outside: one crew in one place at one time, and every plan where its job is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any

from fieldsync.simulate.claims import Records
from fieldsync.simulate.office import Office

ASSIGNMENT = "assignment"
DONE = frozenset({"completed", "closed", "cancelled"})


def misplanned(
    office: Office, records: Records, deleted: Collection[str], copies: Mapping[str, Records]
) -> tuple[list[str], int]:
    """A sentence for everything that is wrong, and how many planned assignments were looked at.

    ``records``: of the whole partnership; ``copies``: crew id -> what a new tablet of that crew has.

    Raises:
        OfficeRefused: the office API fails.
    """
    findings: list[str] = []
    by_crew: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in office.every("/v1/assignments", state="planned"):
        by_crew[one["crew_id"]].append(one)
        _, job = records["work_order", one["work_order_id"]]
        if job["crew_id"] != one["crew_id"]:
            findings.append(f"{_named(one)} is of crew {one['crew_id']}, its job of {job['crew_id']}")
        if job["status"] in DONE or one["work_order_id"] in deleted:
            findings.append(f"{_named(one)} is still planned, and its job is done or deleted")
    for crew_id, planned in by_crew.items():
        planned.sort(key=lambda one: str(one["starts_at"]))
        for one, following in pairwise(planned):
            if following["starts_at"] < one["ends_at"]:
                findings.append(f"crew {crew_id} is in two places: {_named(one)} and {_named(following)}")
    for crew_id, copy in copies.items():
        told = {key[1] for key, (_, record) in copy.items() if key[0] == ASSIGNMENT and record["state"] == "planned"}
        known = {one["id"] for one in by_crew[crew_id]}
        findings += [f"assignment {id_} is planned and not on the tablet" for id_ in sorted(known - told)]
        findings += [f"assignment {id_} is on the tablet and not planned" for id_ in sorted(told - known)]
    return findings, sum(map(len, by_crew.values()))


def _named(one: dict[str, Any]) -> str:
    return f"assignment {one['id']} at {one['starts_at']}"
