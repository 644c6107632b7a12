"""Checks, differences and repairs of versions in a terminal."""

from __future__ import annotations

from typing import Any

from fieldsync.boundaries import runs
from fieldsync.boundaries.compare import told as difference_told
from fieldsync.boundaries.problems import NotComparable, NothingToRepair, NotRepairable
from fieldsync.boundaries.repair import told_of
from fieldsync.boundaries.terminal.desk import Desk, Document
from fieldsync.boundaries.terminal.files import report_of
from fieldsync.boundaries.terminal.follow import follow
from fieldsync.database import transaction
from geo import repair as repairs
from geo.difference import difference as compare
from geo.findings import Tolerances
from geo.load import load_areas
from geo.refusals import VersionNotDraft


def check(desk: Desk, version: Document) -> Document:
    """Check a draft anew, and store the report.

    Raises:
        RunFailed: it cannot be checked.
    """
    _require_draft(version)
    with transaction() as session:
        run_id = runs.ask(session, desk.partnership_id, "check", version["layer_id"], version_id=version["id"])
    follow(desk, run_id)
    return report_of(desk, version["id"])


def difference(desk: Desk, before: Document, after: Document) -> Document:
    """What differs between two versions, of one layer or of two. Nothing is written.

    Raises:
        NotComparable: one of them has codes or shapes that mean nothing yet.
    """
    with transaction() as session:
        old, new = (load_areas(session, desk.partnership_id, each["id"]) for each in (before, after))
    tolerances = _tolerances(desk, after)
    try:
        with desk.aside.status("Comparing"):
            found = compare(old, new, tolerances=tolerances)
    except ValueError as error:
        raise NotComparable(str(error)) from error
    return {"before": _called(before), "after": _called(after), "result": difference_told(found)}


def repair(desk: Desk, version: Document, parameters: dict[str, Any], *, commit: bool) -> Document:
    """Propose a repair of a draft; with ``commit`` keep it as a draft of its own, and check that.

    Raises:
        NothingToRepair, NotRepairable, RunFailed: there is no such repair.
    """
    _require_draft(version)
    parameters = {"coverage": version["role"] != "overlay"} | parameters
    if commit:
        with transaction() as session:
            run_id = runs.ask(
                session, desk.partnership_id, "repair", version["layer_id"],
                parameters=parameters | {"version_id": str(version["id"])},
            )  # fmt: skip
        run = follow(desk, run_id)
        return report_of(desk, run["version_id"]) | {"result": run["result"]}
    with transaction() as session:
        areas = load_areas(session, desk.partnership_id, version["id"])
    try:
        with desk.aside.status("Repairing"):
            proposal = repairs.repair(areas, tolerances=_tolerances(desk, version), **parameters)
    except ValueError as error:
        raise NotRepairable(str(error)) from error
    if not proposal.repaired:
        raise NothingToRepair
    return {"version": None, "version_id": None, "result": told_of(proposal)}


def _require_draft(version: Document) -> None:
    if version["status"] != "draft":
        raise VersionNotDraft(f"Version {version['number']} is {version['status']}.", version_id=version["id"])


def _tolerances(desk: Desk, version: Document) -> Tolerances:
    return Tolerances(**desk.layer(str(version["layer_id"]))["tolerances"])


def _called(version: Document) -> str:
    return f"{version['layer']}/{version['number']}"
