"""What a simulated day came to: as a document, and as tables on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from fieldsync.simulate.drive import Day
from fieldsync.simulate.laws import Checked, first_lines

OUTSIDE = "outside all (triage)"


def document(day: Day, checked: Checked) -> dict[str, Any]:
    """All of it, for a program to read."""
    plan = day.plan
    journals = [edit for tablet in day.tablets for edit in tablet.tablet.journal()]
    verdicts = Counter(edit.verdict.verdict for edit in journals if edit.verdict)
    refusals = Counter(edit.verdict.problem["code"] for edit in journals if edit.verdict and edit.verdict.problem)
    conflicts = Counter(
        (conflict["sort"], f"{edit.kind}.{conflict['field']}", conflict["policy"], conflict["state"])
        for edit in journals
        for conflict in (edit.verdict.conflicts if edit.verdict else ())
    )
    faults = sum((tablet.line.struck for tablet in day.tablets), Counter[str]())
    seconds = day.seconds["back"]
    return {
        "plan": {"tablets": plan.tablets, "crews": len(day.crews), "edits": plan.edits, "seed": plan.seed,
                 "hours_offline": plan.hours_offline},
        "verdicts": dict(verdicts.most_common()),
        "refusals": dict(refusals.most_common()),
        "conflicts": [
            {"sort": sort, "field": field, "policy": policy, "state": state, "count": count}
            for (sort, field, policy, state), count in conflicts.most_common()
        ],
        "jobs": _jobs(day, checked),
        "faults": dict(faults.most_common()),
        "restarts": sum(tablet.restarts for tablet in day.tablets),
        "would_have_waited_s": round(sum(tablet.would_have_waited_s for tablet in day.tablets)),
        "clocks_off_by_s": sorted(round(tablet.clock.skew.total_seconds()) for tablet in day.tablets),
        "office": {"done": dict(day.dispatcher.done.most_common()), "refused": dict(day.dispatcher.refused)},
        "throughput": {
            "seconds": round(seconds, 2), "edits_per_s": round(plan.edits / seconds),
            "exchanges": day.exchanges, "exchanges_per_s": round(day.exchanges / seconds),
            "seconds_by_phase": {phase: round(value, 2) for phase, value in day.seconds.items()},
        },
        "laws": [
            {"law": law.name, "holds": law.holds, "checked": law.checked, "findings": first_lines(law)}
            for law in checked.laws
        ],
    }  # fmt: skip


def _jobs(day: Day, checked: Checked) -> list[dict[str, Any]]:
    """Work orders by the county they belong to, and how many of them crews made today."""
    codes = {key[1]: record["code"] for key, (_, record) in checked.records.items() if key[0] == "jurisdiction"}
    made = set().union(*(tablet.person.made for tablet in day.tablets))
    all_jobs: Counter[str | None] = Counter()
    new: Counter[str | None] = Counter()
    done: Counter[str | None] = Counter()
    for (kind, record_id), (_, record) in checked.records.items():
        if kind == "work_order" and record_id not in checked.deleted:
            code = codes.get(record["jurisdiction_id"])
            all_jobs[code] += 1
            new[code] += record_id in made
            done[code] += record["status"] in ("completed", "closed")
    names: list[tuple[str | None, str]] = [*day.places.names.items(), (None, OUTSIDE)]
    return [
        {
            "jurisdiction": name,
            "jobs": all_jobs[code],
            "made_by_crews": new[code],
            "done": done[code],
        }
        for code, name in names
    ]


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the document's tables."""
    plan, speed = found["plan"], found["throughput"]
    console.print(
        f"\n[bold]{plan['tablets']} tablets of {plan['crews']} crews entered {plan['edits']:,} edits"
        f" in {plan['hours_offline']:g} hours out of coverage and after (seed {plan['seed']})[/bold]"
    )
    verdicts = _table("What became of the edits", "verdict", "edits")
    _rows(verdicts, found["verdicts"].items())
    for code, count in found["refusals"].items():
        verdicts.add_row(f"  refused: {code}", f"{count:,}", style="dim")
    console.print(verdicts)
    jobs = _table("Jobs by jurisdiction", "county", "jobs", "made by crews", "done")
    for row in found["jobs"]:
        jobs.add_row(row["jurisdiction"], f"{row['jobs']:,}", f"{row['made_by_crews']:,}", f"{row['done']:,}")
    console.print(jobs)
    conflicts = _table("Conflicts: both values are kept", "sort", "field", "policy", "state", "count")
    for row in found["conflicts"]:
        conflicts.add_row(row["sort"], row["field"], row["policy"], row["state"], f"{row['count']:,}")
    console.print(conflicts)
    faults = _table("Faults of the network, and what the office did meanwhile", "what", "times")
    _rows(faults, [*found["faults"].items(), *((f"office: {name}", n) for name, n in found["office"]["done"].items())])
    console.print(faults)
    off = [abs(seconds) for seconds in found["clocks_off_by_s"]]
    console.print(
        f"Clocks were off by up to {max(off) / 86_400:.1f} days (median {sorted(off)[len(off) // 2]:,} s);"
        f" real tablets would have waited {found['would_have_waited_s'] / 60:.0f} minutes in all between attempts."
    )
    console.print(
        f"Back in coverage: {speed['edits_per_s']:,} edits/s, {speed['exchanges_per_s']:,} exchanges/s"
        f" ({speed['exchanges']:,} exchanges in {speed['seconds']:.1f} s)."
    )
    _show_laws(console, found["laws"])


def _show_laws(console: Console, laws: list[dict[str, Any]]) -> None:
    table = _table("The laws", "law", "", "tried on", numbers=False)
    for law in laws:
        table.add_row(law["law"], "[green]holds[/green]" if law["holds"] else "[red]BROKEN[/red]", law["checked"])
    console.print(table)
    for law in laws:
        for finding in law["findings"]:
            console.print(f"[red]{law['law']}[/red]: {finding}", markup=True, highlight=False)


def _table(title: str, *columns: str, numbers: bool = True) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        is_number = numbers and column in ("edits", "jobs", "made by crews", "done", "count", "times")
        table.add_column(column, justify="right" if is_number else "left")
    return table


def _rows(table: Table, items: Iterable[tuple[str, int]]) -> None:
    for name, count in items:
        table.add_row(name.replace("_", " "), f"{count:,}")
