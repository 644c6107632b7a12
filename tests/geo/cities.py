"""Real records of cities, with the city's own label on each point. They are not part of the repository."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
DC = DATA / "dc"
ALLEGHENY = DATA / "allegheny" / "AlleghenyCounty_Munibnd2011.zip"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="The cities' records (../shared/data) are not here.")


@dataclass(frozen=True)
class Points:
    """Points with the label that the city gave each, empty where it gave none ("NONE" in its files)."""

    lon: list[float]
    lat: list[float]
    labels: list[str]

    def agreeing(self, codes: list[str | None]) -> tuple[int, int]:
        """How many points have a label, and on how many of them the codes agree with it."""
        labelled = [(label, code) for label, code in zip(self.labels, codes, strict=True) if label]
        return len(labelled), sum(label == code for label, code in labelled)


def points(file: str, label: str, **only: str) -> Points:
    """Points of a CSV in DC with coordinates, of those rows whose columns have the values in `only`."""
    with (DC / file).open(newline="", encoding="utf-8") as opened:
        rows = [
            row
            for row in csv.DictReader(opened)
            if row["lon"] and all(row[column] == value for column, value in only.items())
        ]
    return Points(
        [float(row["lon"]) for row in rows],
        [float(row["lat"]) for row in rows],
        [row[label].replace("NONE", "") for row in rows],
    )
