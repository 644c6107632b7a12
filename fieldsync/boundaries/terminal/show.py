"""What the commands of boundaries answer, as tables for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Document = dict[str, Any]

ROWS_MAX = 40
"""Rows of a long list that a person is shown; --json has all."""

SENTENCES_PER_KIND = 5
"""Findings of one kind that are spelt out: those that come first in the report."""

SEVERITY_STYLE = {"error": "red", "warning": "yellow", "notice": "dim"}


def table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """A table of plain texts; a column that begins with ``>`` is set to the right. Nothing where there is no row."""
    drawn = Table(*[], title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    listed = list(rows)
    for row in listed[:ROWS_MAX]:
        drawn.add_row(*(escape(_text(cell)) for cell in row))
    if listed:
        console.print(drawn)
    if len(listed) > ROWS_MAX:
        console.print(f"… and {len(listed) - ROWS_MAX:,} more (--json has all)")


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S%z}".replace("+0000", "Z")
    if isinstance(cell, float):
        return f"{cell:,.10g}" if abs(cell) < 1_000 else f"{cell:,.0f}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return str(cell)


def layers(console: Console, document: Document) -> None:
    """Layers, with what is in force of each."""
    table(
        console,
        ["name", "role", ">rank", ">versions", "in force", "since", ">tolerance m", ">border m", "public"],
        [
            (
                layer["name"], layer["role"], layer["rank"], layer["versions"],
                layer["in_force"] and f"{layer['name']}/{layer['in_force']['number']}",
                layer["in_force"] and layer["in_force"]["starts"],
                layer["tolerance_m"], layer["border_m"], layer["public"],
            )
            for layer in document["items"]
        ],
    )  # fmt: skip
    if not document["items"]:
        console.print("There is no layer yet.")


def versions(console: Console, document: Document) -> None:
    """Versions of a layer, the newest first."""
    table(
        console,
        ["version", "status", "holds from", "until", ">areas", ">errors", ">warnings", "source"],
        [
            (
                f"{version['layer']}/{version['number']}",
                "in force" if version["in_force"] else version["status"],
                version["starts"], version["ends"], version["area_count"], version["errors"], version["warnings"],
                version["source_name"],
            )
            for version in document["items"]
        ],
    )  # fmt: skip
    if not document["items"]:
        console.print("There is no version yet.")


def reading(console: Console, document: Document) -> None:
    """How a file was understood."""
    source = document["reading"]
    fields = ("code_field", "name_field", "valid_from_field", "owner_field")
    taken = ", ".join(f"{name.removesuffix('_field')}: {source[name]}" for name in fields if source.get(name))
    console.print(
        escape(
            f"{source['name']}: {source['format']}, {source['crs']}, {source['encoding']}, {document['areas']:,} areas"
        )
    )
    console.print(escape(f"Fields taken: {taken}. There are: {', '.join(source['fields'])}."))
    for note in document["notes"]:
        console.print(escape(f"  {note}"), style="dim")


def report(console: Console, document: Document) -> None:
    """A check report: counts by kind, and the first findings."""
    table(
        console, ["severity", "kind", ">findings", "meaning"],
        [(kind["severity"], kind["kind"], kind["findings"], kind["meaning"]) for kind in document["kinds"]],
    )  # fmt: skip
    shown: Counter[str] = Counter()
    for finding in document["findings"]:
        shown[finding["kind"]] += 1
        if shown[finding["kind"]] <= SENTENCES_PER_KIND:
            style = SEVERITY_STYLE[finding["severity"]]
            console.print(f"[{style}]{finding['severity']}[/] {escape(finding['sentence'])}", highlight=False)
    more = {kind["kind"]: kind["findings"] - SENTENCES_PER_KIND for kind in document["kinds"]}
    left = ", ".join(f"{kind} {count:,}" for kind, count in more.items() if count > 0)
    if left:
        console.print(escape(f"… and more: {left} (--json has the first 500, the API all)"), highlight=False)
    if not document["kinds"]:
        console.print("The check found nothing.")


def imported(console: Console, document: Document) -> None:
    """What an import read, and what its check found."""
    reading(console, document)
    report(console, document)
    if document["version"]:
        console.print(escape(f"Kept as draft {document['version']} ({document['version_id']})."))
    else:
        console.print("Nothing was kept: --commit keeps it as a draft.")


def difference(console: Console, document: Document) -> None:
    """What differs between two versions."""
    result = document["result"]
    counts = ", ".join(f"{count:,} {name}" for name, count in result["counts"].items())
    console.print(escape(f"{document['before']} → {document['after']}: {counts}"))
    table(
        console, ["from", "to", ">hectares", ">pieces", ">slivers"],
        [
            (pair["from"], pair["to"], _hectares(pair["hectares"]), pair["pieces"], pair["slivers"])
            for pair in result["pairs"]
        ],
    )  # fmt: skip
    for name in ("added", "removed", "renamed"):
        table(
            console, ["code", "name before", "name now", ">hectares before", ">now"],
            [
                (
                    one["code"], one["old_name"], one["new_name"], _hectares(one["old_hectares"]),
                    _hectares(one["new_hectares"]),
                )
                for one in result[name]
            ],
            title=name,
        )  # fmt: skip
    table(
        console, ["code before", "code now", "name", ">hectares"],
        [(one["old_code"], one["new_code"], one["new_name"], _hectares(one["hectares"])) for one in result["recoded"]],
        title="same shape under another code",
    )  # fmt: skip


def _hectares(number: float) -> str:
    return "< 0.01" if 0 < number < 0.005 else f"{number:,.2f}"


def repaired(console: Console, document: Document) -> None:
    """What a repair changes."""
    result = document["result"]
    table(
        console, [">feature", "code", "name", ">m² before", ">m² after", ">gained", ">lost"],
        [
            (one["feature"], one["code"], one["name"], one["before_m2"], one["after_m2"], one["gained_m2"],
             one["lost_m2"])
            for one in result["changed"]
        ],
    )  # fmt: skip
    table(
        console, ["from", "to", ">m²"],
        [(one["from_code"], one["to_code"], one["m2"]) for one in result["transfers"]], title="ground",
    )  # fmt: skip
    for one in result["refused"]:
        console.print(escape(one["sentence"]), style="yellow")
    for name in ("vanishing", "staying", "arising"):
        listed = ", ".join(f"{kind} {count:,}" for kind, count in result[name].items())
        console.print(escape(f"findings {name}: {listed or 'none'}"))
    if document["version"]:
        console.print(escape(f"Kept as draft {document['version']} ({document['version_id']})."))
    else:
        console.print("Nothing was kept: --commit keeps it as a draft of its own.")


def rehearsal(console: Console, document: Document) -> None:
    """What publishing would do to open work orders."""
    console.print(
        escape(
            f"{document['version']} from {_text(document['at'])}: of {document['open']:,} open work orders"
            f" {document['moved']:,} would move, {document['ambiguous']:,} would have to be looked at,"
            f" {document['resolved']:,} not any more; {document['stays_with_person']:,} stay where a person put them"
        )
    )
    table(
        console, ["from", "to", ">work orders"],
        [(pair["from"], pair["to"], pair["count"]) for pair in document["pairs"]],
    )  # fmt: skip
    table(
        console, ["crew", ">work orders that would leave its jurisdiction"],
        [(crew["name"], crew["count"]) for crew in document["crews"]],
    )  # fmt: skip


def publication(console: Console, document: Document) -> None:
    """What a publication or a withdrawal did, or would do."""
    if document.get("rehearsal"):
        rehearsal(console, document["rehearsal"])
    if not document["committed"]:
        console.print(f"It can be {document['verb']}. Nothing was written: --commit does it.")
        return
    console.print(escape(f"{document['version']} is {document['state']}."))
    run = document["run"]
    if run and run["state"] == "done":
        result = ", ".join(f"{name} {_text(value)}" for name, value in run["result"].items())
        console.print(escape(f"Work orders: {result}."))
    elif run:
        console.print(escape(f"Work orders follow from {_text(run['due_at'])} on, by a worker (run {run['id']})."))
