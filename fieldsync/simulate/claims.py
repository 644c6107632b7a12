"""What people entered, against what stands: the last value that stood for a field must be the record's. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

Key = tuple[str, str]
"""(kind, record id)"""

Records = Mapping[Key, tuple[int, Mapping[str, Any]]]
"""(kind, id) -> (version, record)"""


TEXTS = {"description", "resolution", "result"}
"""Fields in which two people's values may both stand."""

_BETWEEN = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")


class Claim(NamedTuple):
    """A value that somebody entered for a field, and the record's version once that was decided."""

    version: int
    value: Any
    by: str


class Claims:
    """All that people entered, field by field, as far as it was to stand."""

    def __init__(self) -> None:
        self._stood: dict[tuple[Key, str], list[Claim]] = defaultdict(list)
        self._lost: dict[tuple[Key, str], list[Claim]] = defaultdict(list)
        """Texts that did not stand, and wait in a conflict: a later one may repeat parts of them."""
        self._added: dict[Key, set[str]] = defaultdict(set)
        self._typed: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self.in_conflict = 0
        """Values that did not stand, and are kept in a conflict."""

    def add(
        self, key: Key, version: int, fields: Mapping[str, Any], conflicts: Iterable[Mapping[str, Any]], by: str,
        author: str,
    ) -> None:  # fmt: skip
        """An accepted edit, the author's edits in their order. A value that lost is in one of its ``conflicts``."""
        lost = {c["field"] for c in conflicts if not same(c["field"], c["kept"], fields.get(c["field"]))}
        self.in_conflict += len(lost)
        for name, value in fields.items():
            if name == "tags":
                self._add_tags(key, set(value), author, name in lost)
            elif name not in lost:
                self._stood[key, name].append(Claim(version, value, by))
            elif name in TEXTS:
                self._lost[key, name].append(Claim(version, value, by))

    def _add_tags(self, key: Key, tags: set[str], author: str, is_lost: bool) -> None:
        """Whatever others add, what she added is there, since nobody here ever takes a tag away.

        Her list repeats what she saw: what of it she had added in an earlier edit is that edit's to claim.
        """
        before = self._typed[author, key]
        if not is_lost:
            self._added[key] |= tags - before
        before |= tags

    def check(self, records: Records) -> list[str]:
        """A sentence for each value that neither stands nor was followed by a later one."""
        missing: list[str] = []
        for (key, name), claims in self._stood.items():
            found = records.get(key)
            if found is None:
                continue
            last = max(claims, key=lambda claim: claim.version)
            entered = claims + self._lost[key, name]
            if name in TEXTS and last.value and _has_what_is_new(found[1].get(name), last, entered):
                continue
            if not same(name, found[1].get(name), last.value):
                missing.append(
                    f"{key[0]} {key[1]}, {name}: {last.by} entered {last.value!r}, which stood at version"
                    f" {last.version}; version {found[0]} has {found[1].get(name)!r}"
                )
        for key, tags in self._added.items():
            found = records.get(key)
            if found is not None and not tags <= set(found[1]["tags"]):
                missing.append(
                    f"{key[0]} {key[1]}: tags {sorted(tags - set(found[1]['tags']))} were added and are not there"
                )
        return missing

    def keys(self) -> set[Key]:
        """The records that something is claimed of."""
        return {key for key, _ in self._stood} | self._added.keys()


def _has_what_is_new(stands: Any, last: Claim, claims: Iterable[Claim]) -> bool:
    """Whether a long text has all the sentences that nobody else had entered before: two people's texts are put
    together where they wrote in different places, and then neither stands as it was entered."""
    others = {sentence for claim in claims if claim is not last for sentence in _sentences(claim.value)}
    return _sentences(last.value) - others <= _sentences(stands)


def _sentences(text: Any) -> set[str]:
    return set(_BETWEEN.split(text.strip())) if isinstance(text, str) else set()


def same(name: str, one: Any, other: Any) -> bool:
    """Whether two values of a field are the same, however a moment is spelt."""
    if name.endswith("_at") and isinstance(one, str) and isinstance(other, str):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return bool(one == other)
