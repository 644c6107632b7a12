"""What a check of boundaries tells: findings with a severity, a place and a sentence, and the tolerances they
are measured by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import shapely

from geo.ground import Objects

Severity = Literal["error", "warning", "notice"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "notice")
"""An error forbids publishing, a warning has to be acknowledged, a notice is to be known."""

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it is done and of how much. It may raise to stop the work; nothing is changed
then, since nothing ever is."""

FINDINGS_PER_KIND_MAX = 1_000
"""Listed of one kind, the largest; one more finding says how many were left out. Nobody reads a thousand, and
a layer with more is to be drawn again."""

FEATURES_PER_FINDING_MAX = 100
"""Features and codes named by one finding."""

PLACE_VERTICES_MAX = 200
"""Of the geometry that shows where to look: a thousand findings then are a few megabytes of GeoJSON."""

KINDS: Mapping[str, tuple[Severity, str]] = {
    "code_missing": ("error", "an area without a code"),
    "code_repeated": ("error", "several areas with one code"),
    "duplicate_shape": ("error", "two areas or more that are practically the same polygon"),
    "geometry_invalid": ("error", "a polygon that crosses itself or whose rings do not fit"),
    "name_missing": ("error", "an area without a name"),
    "appeared": ("warning", "a code that the version before does not have"),
    "code_changed": ("warning", "a shape of the version before, under another code"),
    "far_part": ("warning", "parts far from the rest of their area or of the layer"),
    "gap": ("warning", "ground enclosed by several areas that belongs to none"),
    "ground_lost": ("warning", "ground of the version before that is in no area now"),
    "hole": ("warning", "ground enclosed by a single area that belongs to none"),
    "layer_shifted": ("warning", "every area moved by the same offset since the version before"),
    "not_checked": ("warning", "something that could not be checked, and why"),
    "overlap": ("warning", "ground in two areas"),
    "owner_missing": ("warning", "an area of an overlay that names no jurisdiction"),
    "shape_changed": ("warning", "a code whose area gained or lost much since the version before"),
    "uncovered_jurisdiction": ("warning", "a jurisdiction of the partnership without an area"),
    "unknown_code": ("warning", "a code, or an owner, that is no jurisdiction of the partnership"),
    "vanished": ("warning", "a code of the version before that is not there any more"),
    "border_unmatched": ("notice", "a border along which the vertices of one area are not those of the other"),
    "enclave": ("notice", "an area, or a part of it, that lies in another's hole"),
    "gap_sliver": ("notice", "a gap or hole narrower or smaller than the tolerance"),
    "ground_gained": ("notice", "ground that was in no area of the version before"),
    "name_repeated": ("notice", "several areas with one name"),
    "near_miss": ("notice", "a crack between two areas, narrower than the tolerance, that is open to the outside"),
    "overlap_sliver": ("notice", "an overlap smaller than the tolerance"),
    "renamed": ("notice", "a code with another name than in the version before"),
    "shape_adjusted": ("notice", "a code whose area gained or lost a little since the version before"),
    "tiny_part": ("notice", "a part smaller than the tolerance: a leftover of drawing"),
}
"""The kinds of findings, each with its one severity, and what it means."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What counts as small in a layer, on the ground. Raises ValueError for what is no tolerance.

    A gap is a sliver if a circle of more than `gap_m` across does not fit into it, or if it is smaller than
    `gap_m2`; cracks narrower than `gap_m` that open to the outside are near misses. An overlap is a sliver
    under `overlap_m2`, a piece of ground that changed hands under `piece_m2`. A part is tiny under `tiny_m2`
    and far from `far_m` on. Two polygons are the same shape if what they share is at least `same_shape` of
    what either covers. A shape changed much if the ground it gained and lost is more than `reshaped_share` of
    what it was, and a layer moved if it did by at least `shift_m`. A repair closes gaps up to `fill_m` wide
    and lets vertices within `snap_m` of each other fall together.
    """

    gap_m: float = 0.1
    gap_m2: float = 1.0
    overlap_m2: float = 1.0
    piece_m2: float = 1.0
    tiny_m2: float = 1.0
    far_m: float = 20_000.0
    shift_m: float = 0.5
    same_shape: float = 0.995
    reshaped_share: float = 0.02
    fill_m: float = 1.0
    snap_m: float = 0.001

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            low, high = _RANGES.get(each.name, (0.0, 1e9))
            if not low <= value <= high:  # False for NaN, too.
                raise ValueError(f"{each.name} must be from {low:g} to {high:g}, not {value}.")


_RANGES = {
    # Wider than this it is no crack, and looking for it would take in half the layer.
    "gap_m": (0.0, 100.0),
    "fill_m": (0.0, 100.0),
    "snap_m": (0.0, 1.0),
    # A distance of zero would make every part far, and every area shifted.
    "far_m": (1.0, 1e9),
    "shift_m": (0.001, 1e9),
    "same_shape": (0.5, 1.0),
    "reshaped_share": (0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; `kind` is one of KINDS and gives the severity.

    `features` are positions from 1 in the order of the areas, empty where it is about the version before or
    the whole; `codes` those of the areas meant, None for one that has none; `place` a geometry in EPSG:4326
    of at most PLACE_VERTICES_MAX vertices. `measures` carry their unit in their name.
    """

    kind: str
    features: tuple[int, ...]
    codes: tuple[str | None, ...]
    place: shapely.Geometry | None
    sentence: str
    measures: Mapping[str, float] = field(default_factory=dict)
    severity: Severity = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", KINDS[self.kind][0])

    @property
    def rank(self) -> tuple[Any, ...]:
        """Findings stand in the order of severity, kind, codes, features. What sums up the rest is last."""
        codes = tuple(code or "" for code in self.codes)
        return SEVERITIES.index(self.severity), self.kind, not (codes or self.features), codes, self.features


@dataclass(frozen=True, slots=True)
class Report:
    """All findings in their order (`Finding.rank`), and measures of the layer as a whole."""

    findings: tuple[Finding, ...]
    measures: Mapping[str, float]

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    @property
    def counts(self) -> dict[Severity, int]:
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in SEVERITIES}


def listed(kind: str, sizes: Any, tell: Callable[[int], Finding], unit: str = "") -> list[Finding]:
    """The findings that `tell` makes of the positions in `sizes`: the largest, and what sums up the others.

    `unit` is the measure that the sizes are ("area_m2"), empty if they are just ranks.
    """
    size = np.asarray(sizes, dtype=np.float64)
    order = np.lexsort((np.arange(size.size), -size))
    found = [tell(int(at)) for at in np.sort(order[:FINDINGS_PER_KIND_MAX])]
    left = order[FINDINGS_PER_KIND_MAX:]
    if left.size:
        total = float(size[left].sum())
        together = f", together {area(total)}" if unit == "area_m2" else ""
        sentence = f"And {left.size:,} more of this kind, none larger than those listed{together}."
        measures = {"count": float(left.size)} | ({unit: total} if unit else {})
        found.append(Finding(kind, (), (), None, sentence, measures))
    return found


def place(geom: shapely.Geometry | None) -> shapely.Geometry | None:
    """The geometry, or one like it with few enough vertices to be shown."""
    if geom is None or shapely.is_empty(geom):
        return None
    if shapely.get_num_coordinates(geom) <= PLACE_VERTICES_MAX:
        return geom
    west, south, east, north = shapely.bounds(geom)
    step = max(east - west, north - south) / PLACE_VERTICES_MAX
    parts = shapely.get_parts(geom)
    if parts.size > 1:
        # The parts that weigh most, each with as many vertices as it takes to see it.
        weight = np.maximum(shapely.area(parts), shapely.length(parts) * 1e-9)
        kept = np.sort(np.lexsort((np.arange(parts.size), -weight))[: PLACE_VERTICES_MAX // 10])
        geom = _collected(parts[kept])
    for tolerance in (step / 4, step, 4 * step):
        simpler: shapely.Geometry = shapely.simplify(geom, tolerance)
        if not shapely.is_empty(simpler) and shapely.get_num_coordinates(simpler) <= PLACE_VERTICES_MAX:
            return simpler
    framed: shapely.Geometry = shapely.box(west, south, east, north)
    return framed


def _collected(parts: Objects) -> shapely.Geometry:
    kinds = {part.geom_type for part in parts}
    if kinds == {"Polygon"}:
        return shapely.MultiPolygon(list(parts))
    return shapely.MultiLineString(list(parts)) if kinds == {"LineString"} else shapely.GeometryCollection(list(parts))


def features_of(positions: Any) -> tuple[int, ...]:
    """Positions from 0, in an array, to the features of a finding."""
    return tuple(int(at) + 1 for at in positions[:FEATURES_PER_FINDING_MAX])


def called(code: str | None, name: str | None, feature: int) -> str:
    """How a sentence calls an area: by its name and code, or by what it has."""
    if code and name and name != code:
        return f"{name} ({code})"
    return code or (f"{name} (feature {feature})" if name else f"feature {feature}")


def all_called(names: Sequence[str]) -> str:
    """Names in a row: the first few, and how many more."""
    shown = list(names[:5])
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown):,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def area(m2: float) -> str:
    """Square metres in words: square centimetres when there are few, hectares from one on, square kilometres
    from a hundred."""
    if m2 >= 1e8:
        return f"{m2 / 1e6:,.1f} km²"
    if m2 >= 1e4:
        return f"{m2 / 1e4:,.{0 if m2 >= 1e6 else 2}f} ha"
    if m2 >= 0.01:
        return f"{_figures(m2)} m²"
    return f"{m2 * 1e4:.0f} cm²" if m2 >= 1e-4 else "less than 1 cm²"


def metres(m: float) -> str:
    """Metres in words: centimetres when there are few, kilometres from ten on."""
    if m >= 1e4:
        return f"{m / 1000:,.1f} km"
    if m >= 0.1:
        return f"{_figures(m)} m"
    return f"{_figures(m * 100)} cm" if m >= 0.001 else "less than 1 mm"


def share(part: float) -> str:
    return f"{100 * part:.2g} %" if part < 0.1 else f"{100 * part:,.0f} %"


def _figures(number: float) -> str:
    """Two figures of a number under ten, whole ones from there."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.{1 - int(np.floor(np.log10(number)))}f}"


def in_order(found: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda finding: finding.rank))
