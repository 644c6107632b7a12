"""A tablet app that is made to be killed: it works and syncs for ever, and says what has been stored.

Run as ``python -m tests.tablet.crew_app PATH URL SEED``. Each line on standard output is written after the call that
it tells of has returned: ``entered SEQ`` is on the disk, whatever happens next.
"""

from __future__ import annotations

import random
import sys

from fieldsync.tablet import Tablet, Unreachable


def work(path: str, url: str, seed: str) -> None:
    chance = random.Random(seed)
    tablet = Tablet(path, url, edits_max=chance.choice((1, 3, 50)), page=chance.choice((1, 5, 100)))
    while True:
        jobs = sorted(record.id for record in tablet.records("work_order"))
        for _ in range(chance.randint(0, 6)):
            if jobs:
                print(f"entered {enter(tablet, chance, chance.choice(jobs))}", flush=True)
        try:
            tablet.exchange()
        except Unreachable:
            continue
        if chance.random() < 0.1:
            tablet.rotate_token()


def enter(tablet: Tablet, chance: random.Random, job: str) -> int:
    draw = chance.random()
    if draw < 0.4:
        return tablet.update("work_order", job, {"title": f"Title {chance.random()}"})
    if draw < 0.5:
        return tablet.update("work_order", job, {"status": chance.choice(("in_progress", "on_hold", "closed"))})
    with tablet.together():
        tablet.create("note", {"work_order_id": job, "body": f"Note {chance.random()}"})
        tablet.create("note", {"work_order_id": job, "body": f"Second {chance.random()}"})
    return tablet.waiting()[-1].seq


if __name__ == "__main__":
    work(*sys.argv[1:])
