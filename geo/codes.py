"""What a check says of codes, names and owners: each a key that places jobs or heads a column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from geo.areas import Areas
from geo.findings import Finding, all_called, called, features_of, listed, place


def about_codes(areas: Areas, expected: Mapping[str, str] | None, *, overlay: bool) -> list[Finding]:
    """Codes and names that are missing or repeated; codes that are no jurisdiction, and jurisdictions without
    an area.

    `expected` are the jurisdictions, code to name; None asks nothing of them. Where areas have owners, those
    are held against it instead of the codes. An overlay need not have an area for each jurisdiction.
    """
    found = [*_missing(areas.codes, areas, "code"), *_missing(areas.names, areas, "name")]
    found += _repeated(areas.codes, areas, "code")
    # Overlays name what it is: many areas are a "park" or a "county road".
    if not overlay:
        found += _repeated(areas.names, areas, "name")
    if areas.owners:
        found += _ownerless(areas)
    if expected is not None:
        stated = areas.owners or areas.codes
        known = {code for code in stated if code is not None and code in expected}
        found += _unknown(areas, stated, expected, known)
        if not overlay:
            found += _uncovered(expected, known)
    return found


def _empty(text: str | None) -> bool:
    return text is None or not text.strip()


def _missing(texts: Sequence[str | None], areas: Areas, what: str) -> list[Finding]:
    at = [k for k, text in enumerate(texts) if _empty(text)]

    def tell(k: int) -> Finding:
        here = at[k]
        name = called(areas.codes[here], areas.names[here], here + 1)
        sentence = f"The area {name} has no {what}."
        return Finding(f"{what}_missing", (here + 1,), (areas.codes[here],), place(areas.geoms[here]), sentence)

    return listed(f"{what}_missing", [0.0] * len(at), tell)


def _repeated(texts: Sequence[str | None], areas: Areas, what: str) -> list[Finding]:
    where: defaultdict[str, list[int]] = defaultdict(list)
    for at, text in enumerate(texts):
        if text is not None and not _empty(text):
            where[text].append(at)
    groups = sorted((text, at) for text, at in where.items() if len(at) > 1)
    kind = f"{what}_repeated"

    def tell(k: int) -> Finding:
        text, at = groups[k]
        numbers = all_called([str(feature + 1) for feature in at])
        sentence = f"{len(at):,} areas have the {what} {text}: features {numbers}."
        if what == "name":
            # Two towns of one name are told apart by their codes, and it may be one town in two pieces.
            sentence += f" Their codes are {all_called([areas.codes[each] or 'missing' for each in at])}."
        codes = tuple(areas.codes[each] for each in at[: len(features_of(at))])
        shown = (text,) if what == "code" else codes
        return Finding(kind, features_of(at), shown, place(areas.geoms[at[0]]), sentence, {"count": float(len(at))})

    return listed(kind, [len(at) for _, at in groups], tell)


def _ownerless(areas: Areas) -> list[Finding]:
    at = [k for k, owner in enumerate(areas.owners) if _empty(owner)]

    def tell(k: int) -> Finding:
        here = at[k]
        name = called(areas.codes[here], areas.names[here], here + 1)
        sentence = f"The area {name} does not say which jurisdiction is responsible for it."
        return Finding("owner_missing", (here + 1,), (areas.codes[here],), place(areas.geoms[here]), sentence)

    return listed("owner_missing", [0.0] * len(at), tell)


def _unknown(areas: Areas, stated: Sequence[str | None], expected: Mapping[str, str], known: set[str]) -> list[Finding]:
    at = [k for k, code in enumerate(stated) if code is not None and not _empty(code) and code not in expected]
    alike = {_folded(code): code for code in sorted(expected, reverse=True) if code not in known}

    def tell(k: int) -> Finding:
        here = at[k]
        code = stated[here] or ""
        name = called(areas.codes[here], areas.names[here], here + 1)
        whose = f"The owner {code} of the area {name}" if areas.owners else f"The code of the area {name}"
        sentence = f"{whose} is no jurisdiction of the partnership."
        if meant := alike.get(_folded(code)):
            sentence += f" {meant} ({expected[meant]}) is, and is missing here."
        return Finding("unknown_code", (here + 1,), (areas.codes[here],), place(areas.geoms[here]), sentence)

    return listed("unknown_code", [0.0] * len(at), tell)


def _folded(code: str) -> str:
    """What is left of a code when spreadsheets and people have been at it: no leading zeros, case, spaces."""
    return "".join(code.split()).casefold().lstrip("0")


def _uncovered(expected: Mapping[str, str], known: set[str]) -> list[Finding]:
    codes = sorted(set(expected) - known)

    def tell(k: int) -> Finding:
        sentence = f"No area has the code {codes[k]} of the jurisdiction {expected[codes[k]]}; no job can be in it."
        return Finding("uncovered_jurisdiction", (), (codes[k],), None, sentence)

    return listed("uncovered_jurisdiction", [0.0] * len(codes), tell)
