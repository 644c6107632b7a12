"""A board to look at, and the console that shows it: it loads once, and then applies what has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.api.assignments.scene import EAST, NOWHERE, WEST, Document, at
from tests.api.assignments.scene import Scene as Assigning
from tests.api.office.world import World

DAYS = {"from": "2030-03-04", "to": "2030-03-08"}
"""A week that begins on a Monday."""

NEAR = {"lon": -80.0, "lat": 40.51}
"""A kilometre north of ``WEST``."""


class Scene(Assigning):
    """West has the crews alpha and beta, east has gamma. All of them work from 7 to 15 o'clock on weekdays."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for crew in ("alpha", "beta", "gamma"):
            for weekday in range(1, 6):
                shift = {"weekday": weekday, "starts": "07:00", "minutes": 480, "since": "2020-01-01"}
                self.made(f"/crews/{self.crew(crew)}/shifts", shift)

    def made(self, path: str, body: Document, by: str = "admin") -> Document:
        answer = self.world.ask("POST", path, by, json=body)
        assert answer.status_code == 201, answer.json
        made: Document = answer.json  # type: ignore[assignment]
        return made

    def done(self, answer: Any) -> Document:
        assert answer.status_code in (200, 201, 204), answer.json
        document: Document = answer.json
        return document

    def board(self, by: str = "dispatcher", **asked: Any) -> Document:
        answer = self.world.ask("GET", "/board", by, query_string=DAYS | asked)
        assert answer.status_code == 200, answer.json
        document: Document = answer.json  # type: ignore[assignment]
        return document

    def crew_on(self, board: Document, name: str) -> Document:
        (found,) = [crew for crew in board["crews"] if crew["id"] == self.crew(name)]
        document: Document = found
        return document

    def names(self, board: Document) -> list[str]:
        return [crew["code"] for crew in board["crews"]]


@dataclass
class Console:
    """Keeps a board as docs/board.md says."""

    world: World
    by: str = "dispatcher"
    asked: Document = field(default_factory=dict)
    limit: int = 500
    crews: dict[str, Document] = field(init=False)
    jobs: dict[str, Document] = field(init=False)
    counts: Document = field(init=False)
    resets: int = 0
    questions: int = 0

    def __post_init__(self) -> None:
        self.load()

    def ask(self, path: str, **more: Any) -> Document:
        answer = self.world.ask("GET", path, self.by, query_string=self.asked | more)
        assert answer.status_code == 200, answer.json
        document: Document = answer.json  # type: ignore[assignment]
        return document

    def load(self) -> None:
        board = self.ask("/board", **DAYS, limit=self.limit)
        self.crews = {crew["id"]: crew for crew in board["crews"]}
        self.counts = board["counts"]
        self.keep(board)
        items, next_ = board["unassigned"]["items"], board["unassigned"]["next"]
        while next_ is not None:
            page = self.ask("/board/jobs", cursor=next_, limit=self.limit)
            items, next_ = items + page["items"], page["next"]
        self.jobs = {job["id"]: job for job in items}
        assert len(self.jobs) == len(items)

    def keep(self, answer: Document) -> None:
        self.standing = {name: answer[name] for name in ("epoch", "change", "at", "starts", "ends")}

    def catch_up(self) -> None:
        """Ask for changes until there are no more."""
        more = True
        while more:
            had = self.standing
            since = {"since": had["change"], "seen_at": had["at"], "epoch": had["epoch"]}
            changes = self.ask("/board/changes", **DAYS, **since)
            self.questions += 1
            if changes["reset"]:
                self.resets += 1
                return self.load()
            self.apply(changes)
            more = changes["more"]
        return None

    def apply(self, changes: Document) -> None:
        if changes["crew_ids"] is not None:
            self.crews = {id_: crew for id_, crew in self.crews.items() if id_ in changes["crew_ids"]}
        self.crews |= {crew["id"]: crew for crew in changes["crews"]}
        for job in changes["jobs"]:
            waits = job.pop("unassigned")
            self.jobs.pop(job["id"], None)
            if waits:
                self.jobs[job["id"]] = job
        for id_ in changes["left_jobs"]:
            self.jobs.pop(id_, None)
        self.counts = changes["counts"]
        self.keep(changes)

    def shows_what(self, other: Console) -> None:
        """It shows the same as another one."""
        assert self.crews == other.crews
        assert self.jobs == other.jobs
        assert self.counts == other.counts
        assert self.standing["change"] == other.standing["change"]


__all__ = ["DAYS", "EAST", "NEAR", "NOWHERE", "WEST", "Console", "Document", "Scene", "at"]
