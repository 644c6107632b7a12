"""Reading files in a terminal: looked at only, or kept as a draft."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import shapely
from flask import current_app

from fieldsync.boundaries import runs
from fieldsync.boundaries.check import expected_jurisdictions
from fieldsync.boundaries.take_in import where_it_belongs
from fieldsync.boundaries.terminal.desk import Desk, Document
from fieldsync.boundaries.terminal.follow import follow
from fieldsync.boundaries.uploads.keep import File, choose, keep
from fieldsync.boundaries.versions.read import list_findings
from fieldsync.config import Settings
from fieldsync.database import transaction
from geo import report as reports
from geo.apart import read_apart
from geo.findings import KINDS, SEVERITIES, Finding, Report

FINDINGS_MAX = 500
"""Findings of a report that a command answers, errors first; the API has all."""


def look_into(desk: Desk, layer: Document, paths: Sequence[Path], options: dict[str, Any]) -> Document:
    """Read a file as though it were handed in for a layer, and check it. Nothing is written.

    Raises:
        geo.refusals.FileRefused: it cannot be taken.
        Unprocessable: several files that are no shapefile.
    """
    path = _path_to_read(paths)
    settings: Settings = current_app.config["FIELDSYNC"]
    with transaction() as session:
        where = where_it_belongs(session, desk.partnership_id, layer["id"])
    with desk.aside.status("Reading the file"):
        areas = read_apart(
            path, seconds_max=settings.import_seconds, memory_bytes_max=settings.import_memory_mb * 1_000_000,
            **({"width_m": where.width_m, "around": where.around} | options),
        )  # fmt: skip
    with transaction() as session:
        subject = reports.subject_from(session, desk.partnership_id, layer["id"], areas)
        expected = expected_jurisdictions(session, desk.partnership_id)
    with desk.aside.status("Checking it"):
        found = reports.examine(subject, expected, lambda step, done, total: None)
    source = asdict(areas.source)
    return {
        "layer": layer["name"], "version": None, "version_id": None, "areas": len(areas),
        "reading": source | {"fields": list(source["fields"])}, "notes": list(areas.notes),
    } | _told(found)  # fmt: skip


def _path_to_read(paths: Sequence[Path]) -> Path:
    with ExitStack() as opened:
        files = [File(path.name, opened.enter_context(path.open("rb"))) for path in paths]
        name = choose(files)[0].name
    return next(path for path in paths if path.name == name)


def _told(found: Report) -> Document:
    kinds = Counter((finding.severity, finding.kind) for finding in found.findings)
    order = {severity: at for at, severity in enumerate(SEVERITIES)}
    return {
        "errors": found.counts["error"],
        "warnings": found.counts["warning"],
        "notices": found.counts["notice"],
        "kinds": [
            {"kind": kind, "severity": severity, "findings": count, "meaning": KINDS[kind][1]}
            for (severity, kind), count in sorted(kinds.items(), key=lambda each: (order[each[0][0]], each[0][1]))
        ],
        "findings": [_finding(number, each) for number, each in enumerate(found.findings[:FINDINGS_MAX], start=1)],
    }


def _finding(number: int, found: Finding) -> Document:
    place = None if found.place is None else json.loads(shapely.to_geojson(found.place))
    return {
        "number": number, "kind": found.kind, "severity": found.severity, "sentence": found.sentence,
        "features": list(found.features), "codes": list(found.codes), "measures": dict(found.measures), "place": place,
    }  # fmt: skip


def take_in(desk: Desk, layer: Document, paths: Sequence[Path], options: dict[str, Any]) -> Document:
    """Hand in a file for a layer, read it into a draft, and check that.

    Raises:
        RunFailed: it cannot be taken.
        Unprocessable, BodyTooLarge: it cannot be handed in.
    """
    with ExitStack() as opened, transaction() as session:
        files = [File(path.name, opened.enter_context(path.open("rb"))) for path in paths]
        upload_id = keep(session, desk.partnership_id, layer["id"], files, None)
        run_id = runs.ask(
            session, desk.partnership_id, "import", layer["id"], upload_id=upload_id, parameters=options
        )  # fmt: skip
    run = follow(desk, run_id)
    result = run["result"]
    return {
        "layer": layer["name"], "areas": result["areas"], "reading": result["reading"], "notes": result["notes"],
    } | report_of(desk, run["version_id"])  # fmt: skip


def report_of(desk: Desk, version_id: UUID) -> Document:
    """The report of a version that is stored: counts by kind, and the first findings."""
    version = desk.version(str(version_id))
    asked = {"cursor": None, "limit": FINDINGS_MAX, "format": "json"}
    with transaction() as session:
        page = list_findings(session, desk.partnership_id, version_id, asked)
    return {
        "version": f"{version['layer']}/{version['number']}", "version_id": str(version_id),
        "errors": version["errors"], "warnings": version["warnings"], "notices": version["notices"],
        "kinds": version["kinds"], "findings": [json.loads(sent) for sent in page.sent],
    }  # fmt: skip
