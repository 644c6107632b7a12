"""The answer of an exchange, checked before anything of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fieldsync.tablet.problems import Unreachable

T = TypeVar("T")

_VERDICTS = frozenset({"refused", "conflicted", "merged", "applied"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of ``POST /v1/sync``."""

    epoch: str
    server_time: str
    expected_seq: int
    verdicts: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    cursor: str | None
    more: bool
    reset: bool
    limits: dict[str, Any]
    """Empty from a server that does not tell."""
    refusals_decided: int | None
    """How often the office has decided on a refused edit of this tablet; None: the server does not tell."""


def checked(document: Mapping[str, Any]) -> Answer:
    """The answer, if it has the shape that the protocol promises. Fields that we do not know are passed over.

    Raises:
        Unreachable: it has not, so nothing of it may be stored; the same exchange is asked for again later.
    """
    try:
        answer = Answer(
            _of(str, document["epoch"]), _of(str, document["server_time"]), _of(int, document["expected_seq"]),
            _of(list, document["verdicts"]), _of(list, document["changes"]), document["cursor"],
            _of(bool, document["more"]), _of(bool, document["reset"]), _of(dict, document.get("limits", {})),
            document.get("refusals_decided"),
        )  # fmt: skip
        if answer.cursor is not None:
            _of(str, answer.cursor)
        if answer.refusals_decided is not None:
            _of(int, answer.refusals_decided)
        for verdict in answer.verdicts:
            _of(int, verdict["seq"])
            first = verdict["recorded"] if verdict["verdict"] == "repeated" else verdict
            if first["verdict"] not in _VERDICTS:
                raise ValueError(first["verdict"])
            _of(list, first["conflicts"])
            for problem in _of(list, first.get("refused_fields", [])):
                _of(str, problem["field"])
        for change in answer.changes:
            _of(str, change["kind"])
            _of(str, change["id"])
            if "gone" not in change:
                _of(int, change["version"])
                _of(dict, change["patch"] if "patch" in change else change["record"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"The answer has not the shape of an exchange: {error}.") from error
    return answer


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r:.50} is no {kind.__name__}")
    return value
