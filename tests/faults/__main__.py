"""``make faults``: everything is struck, for minutes; then every law is checked from outside. Exit 1: one is broken."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from fieldsync.server.stopping import Stopped, stoppable
from tests.faults.report import into, markdown, show
from tests.faults.run import Outcome, run


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="of faults, for each seed")
    parser.add_argument("--seed", type=int, action="append", help="again for another run; 1 if left out")
    parser.add_argument("--tablets", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="a folder for logs and files, which then stay")
    parser.add_argument("--into", type=Path, help="a Markdown file: the table there is replaced by this run's")
    parser.add_argument("--only", default="", help="faults with these words in their name: 'disk', 'killed -9', …")
    parser.add_argument("--quiet", action="store_true", help="the tables only")
    chosen = parser.parse_args()
    console = Console(width=130, highlight=False)

    def say(line: str) -> None:
        if not chosen.quiet:
            console.print(line, markup=False)

    outcomes: list[Outcome] = []
    try:
        with stoppable():
            for seed in chosen.seed or [1]:
                say(f"Seed {seed}")
                folder = chosen.keep / str(seed) if chosen.keep else None
                outcomes.append(run(60 * chosen.minutes, seed, chosen.tablets, folder, say, chosen.only))
                show(console, outcomes[-1:])
    except Stopped:
        sys.exit("Ended before its time.")
    if len(outcomes) > 1:
        show(console, outcomes)
    if chosen.into:
        into(chosen.into, markdown(outcomes))
    if not all(outcome.lawful for outcome in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
