"""What was survived, with counts: as tables on a terminal, and as Markdown for docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.run import Outcome

BEGINS, ENDS = "<!-- measured: begins -->", "<!-- measured: ends -->"

NETWORK = {
    "refused": "connection closed before its first byte",
    "cut_up": "connection cut within what the tablet or the office sends",
    "cut_down": "connection cut within the answer",
    "stalled": "connection silent for seconds within the request, then cut",
    "worn_out": "connection cut somewhere, between or within later requests",
    "dribbled": "connection that passes a few bytes at a time",
    "delayed": "connection on which everything comes late",
}
LINE = {
    "request_lost": "request lost",
    "answer_lost": "answer lost",
    "answer_cut": "half of an answer",
    "portal": "log-in page in the server's place",
    "duplicated": "request that arrives twice",
    "overlapping": "request that arrives twice at one time",
    "killed": "tablet's app killed while it waits, and started again",
}

Rows = list[tuple[str, int]]


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, Rows]]:
    """Heading, and what happened how often, of all runs together."""
    blows: Counter[str] = Counter()
    network: Counter[str] = Counter()
    line: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    restarts: Counter[str] = Counter()
    for outcome in outcomes:
        found = outcome.figures
        restarts.update(outcome.restarts)
        blows += outcome.struck.blows
        for struck in (found["air"], found["wire"]):
            network.update(struck)
        line.update(found["line"])
        counts.update(found["counts"])
        problems.update(found["problems"])
    return [
        ("Struck at the server", blows.most_common()),
        ("On the line, at any byte", [(name, network[key]) for key, name in NETWORK.items() if network[key]]),
        ("On the tablets", [
            *((name, line[key]) for key, name in LINE.items() if line[key]), *counts.most_common(),
        ]),
        ("Started again by those who keep them", restarts.most_common()),
        ("What the tablets were told instead of an answer", problems.most_common()),
    ]  # fmt: skip


def done(outcomes: Sequence[Outcome]) -> Rows:
    """What was done in spite of it."""
    figures = [outcome.figures for outcome in outcomes]
    return [
        ("edits entered by crews", _sum(figures, "edits")),
        ("exchanges that were answered", _sum(figures, "exchanges")),
        ("edits offered again, and answered with the first verdict", _sum(figures, "repetitions")),
        ("changes by the dispatcher", _sum(figures, "office")),
        ("of those carried out without her hearing of it", _sum(figures, "office_unheard")),
        ("runs in the background (boundary files read, checked, published)", _sum(figures, "runs")),
    ]


def _sum(figures: Sequence[dict[str, Any]], name: str) -> int:
    return sum(int(each[name]) for each in figures)


def laws(outcomes: Sequence[Outcome]) -> list[tuple[str, bool, list[str]]]:
    """Law, whether it holds, and what it was tried on, a line a run."""
    found: dict[str, tuple[bool, list[str]]] = {}
    for outcome in outcomes:
        for law in outcome.laws:
            holds, tried = found.get(law["name"], (True, []))
            found[law["name"]] = (holds and not law["findings"], [*tried, law["checked"]])
    return [(name, holds, tried) for name, (holds, tried) in found.items()]


def headline(outcomes: Sequence[Outcome]) -> str:
    """How long, with what."""
    seconds = sum(outcome.struck.seconds for outcome in outcomes)
    blows = sum(outcome.struck.blows.total() for outcome in outcomes)
    recoveries = sorted(took for outcome in outcomes for took in outcome.struck.recoveries_s)
    middle, worst = (recoveries[len(recoveries) // 2], recoveries[-1]) if recoveries else (0.0, 0.0)
    seeds = ", ".join(str(outcome.seed) for outcome in outcomes)
    longest = max(outcome.figures["longest_sync_s"] for outcome in outcomes)
    return (
        f"{seconds / 60:.1f} minutes of faults, {outcomes[0].tablets} tablets (seeds {seeds}): {blows:,} blows to the"
        f" server. After one it took work again in {middle:.1f} s (median), {worst:.1f} s at most. The longest that a"
        f" tablet needed to send and receive everything, through whatever struck meanwhile: {longest:.1f} s."
    )


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print the tables."""
    console.print(f"\n{headline(outcomes)}")
    for title, listed in (*rows(outcomes), ("Done all the same", done(outcomes))):
        table = Table("what", "times", title=title, title_justify="left", header_style="dim")
        table.columns[1].justify = "right"
        for name, count in listed:
            table.add_row(name, f"{count:,}")
        console.print(table)
    table = Table("law", "", "tried on", title="The laws", title_justify="left", header_style="dim")
    for name, holds, tried in laws(outcomes):
        table.add_row(name, "[green]holds[/green]" if holds else "[red]BROKEN[/red]", "\n".join(tried))
    console.print(table)
    for outcome in outcomes:
        for law in outcome.laws:
            for finding in law["findings"]:
                console.print(f"seed {outcome.seed}, {law['name']}: {finding}", markup=False)
        for part, why in outcome.missing.items():
            console.print(f"seed {outcome.seed}: left out: {part}: {why}", markup=False)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The same as Markdown."""
    lines = [headline(outcomes)]
    for title, listed in (*rows(outcomes), ("Done all the same", done(outcomes))):
        lines += ["", f"| {title} | times |", "|---|---:|", *(f"| {name} | {count:,} |" for name, count in listed)]
    lines += ["", "| Law | | tried on, by seed |", "|---|---|---|"]
    lines += [
        f"| {name} | {'holds' if holds else '**broken**'} | {'<br>'.join(tried)} |"
        for name, holds, tried in laws(outcomes)
    ]
    for part, why in {part: why for outcome in outcomes for part, why in outcome.missing.items()}.items():
        lines.append(f"\nLeft out: {part}: {why}.")
    return "\n".join(lines)


def into(path: Path, text: str) -> None:
    """Replace what stands between the marks of a Markdown file."""
    before, mark, rest = path.read_text(encoding="utf-8").partition(BEGINS)
    _, end, after = rest.partition(ENDS)
    if not mark or not end:
        raise ValueError(f"{path} has no place for the tables: {BEGINS} … {ENDS}")
    path.write_text(f"{before}{BEGINS}\n{text}\n{ENDS}{after}", encoding="utf-8")
