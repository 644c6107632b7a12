"""Sets of moments: sorted spans that neither overlap nor touch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from fieldsync.crews.facts import Span

FOREVER = datetime.max.replace(tzinfo=UTC)
"""The end of what has none."""


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """All moments of the spans, which may come in any order, overlap, touch or be empty."""
    out: list[Span] = []
    for starts, ends in sorted(spans):
        if starts >= ends:
            continue
        if out and starts <= out[-1].ends:
            out[-1] = Span(out[-1].starts, max(out[-1].ends, ends))
        else:
            out.append(Span(starts, ends))
    return tuple(out)


def without(spans: Sequence[Span], taken: Sequence[Span]) -> tuple[Span, ...]:
    """The moments of ``spans`` that are not in ``taken``; both as ``joined`` gives them, and so is the answer."""
    out: list[Span] = []
    for span in spans:
        begins = span.starts
        for away in taken:
            if away.starts >= span.ends:
                break
            if away.starts > begins:
                out.append(Span(begins, away.starts))
            begins = max(begins, away.ends)
        if begins < span.ends:
            out.append(Span(begins, span.ends))
    return tuple(out)
