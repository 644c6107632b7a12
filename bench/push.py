"""Pushing through the whole path: gunicorn, authentication, numbering, journal, merge, placement, feed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench import edits, load
from bench.edits import Edit
from bench.world import Tablet, World

CLIENTS = 4


@dataclass
class Pusher:
    """Sends work of ``CLIENTS`` tablets, one in each of the worlds in turn, and keeps each tablet's numbers."""

    port: int
    worlds: Sequence[World]
    random: random.Random
    next_seq: dict[str, int]
    """Token -> the number of its next edit."""

    def tablets(self, offset: int = 0) -> list[tuple[World, Tablet]]:
        """The tablets that send; those at another ``offset`` are other devices of the same crews."""
        chosen = [self.worlds[n % len(self.worlds)] for n in range(CLIENTS)]
        return [(world, world.tablets[offset + n]) for n, world in enumerate(chosen)]

    def creates(self, count: int) -> list[list[Edit]]:
        """New work orders, a share for each tablet."""
        return [edits.creates(world, self.random, count // CLIENTS) for world, _ in self.tablets()]

    def updates(self, shares: Sequence[Sequence[Edit]], base: int) -> list[list[Edit]]:
        """Edits of what the shares created, made on version ``base``."""
        return [
            edits.updates(world, self.random, [edit["record_id"] for edit in share], base)
            for (world, _), share in zip(self.tablets(), shares, strict=True)
        ]

    def send(
        self, shares: Sequence[Sequence[Edit]], batch: int, verdicts: Sequence[bytes], offset: int = 0
    ) -> load.Load:
        """Send each tablet's share in batches; every edit must get one of the verdicts."""
        work = []
        for (_, tablet), share in zip(self.tablets(offset), shares, strict=True):
            first = self.next_seq.get(tablet.token, 1)
            self.next_seq[tablet.token] = first + len(share)
            work.append((tablet, edits.bodies(share, batch, first), len(share)))
        return load.send(self.port, work, verdicts)

    def conflicting(self, count: int, batch: int) -> list[list[Edit]]:
        """Updates of which every tenth meets another tablet's: that one has changed the same fields meanwhile."""
        made = self.creates(count)
        self.send(made, batch, [b"applied"])
        met = [share[::10] for share in made]
        self.send(self.updates(met, 1), batch, [b"applied"], offset=CLIENTS)
        return self.updates(made, 1)
