"""What each peer has to be able to do."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldsync.cluster import Cluster, Home

from .connection import Connection
from .server import Server
from .work import WorkOrder


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the run gives to every peer alike."""

    home: Home
    """Under it each peer that uses PostgreSQL gets a cluster of its own, all with FieldSync's settings."""
    clients: int
    batch: int
    """Work orders in a push."""
    page: int
    """Records in a page of a pull."""
    logs: Path


class Peer(ABC):
    """A real server on loopback with its data on this machine's disk.

    The bodies of a push are made beforehand, outside of the time that is measured. A push or a pull that was
    not carried out whole raises ``UnexpectedAnswer``.
    """

    name: str
    version: str
    durability: str
    settings: tuple[str, ...]
    """What a fair reader wants to know about how it was set up."""
    service_type_id = "0190a000-0000-7000-8000-000000000001"
    server: Server

    def __init__(self, surroundings: Surroundings) -> None:
        self.around = surroundings
        self.connections: list[Connection] = []
        """One for each client, once it has started."""

    @abstractmethod
    def install(self) -> None:
        """Bring its packages; a moment when they are there."""

    @abstractmethod
    def start(self) -> None:
        """Start it on an empty database, ready for its clients."""

    def stop(self) -> None:
        """End it, whether or not it started."""
        if hasattr(self, "server"):
            self.server.stop()

    def processes(self) -> dict[str, int]:
        """What it runs: the first process of each tree, by what it is."""
        return {"server": self.server.pid}

    @abstractmethod
    def create_body(self, client: int, orders: Sequence[WorkOrder]) -> bytes:
        """The request that pushes new work orders."""

    @abstractmethod
    def create(self, client: int, body: bytes) -> None:
        """Push new work orders."""

    @abstractmethod
    def update_body(self, client: int, changes: Sequence[WorkOrder]) -> bytes:
        """The request that pushes changes to work orders which the same client created."""

    @abstractmethod
    def update(self, client: int, body: bytes) -> None:
        """Push changes."""

    @property
    @abstractmethod
    def ways_to_pull(self) -> tuple[str, ...]:
        """How a client can get everything. The fastest is the one compared."""

    def prepare_pull(self) -> None:  # noqa: B027  (most have nothing to do)
        """Whatever the server's keeper would do beforehand; not timed."""

    @abstractmethod
    def pull(self, client: int, way: str) -> int:
        """Get everything, page by page; returns how many work orders came."""


class PostgresPeer(Peer):
    """A peer on a PostgreSQL cluster of its own."""

    durability = "PostgreSQL, fsync and synchronous_commit on: on disk before the answer"

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._cluster = Cluster(Home(surroundings.home.root / type(self).__name__.lower()))

    @abstractmethod
    def serve(self, database_url: str) -> None:
        """Start the server on an empty database."""

    def start(self) -> None:
        shutil.rmtree(self._cluster.home.data, ignore_errors=True)
        self._cluster.start()
        self.serve(self._cluster.databases.ensure("bench"))

    def stop(self) -> None:
        super().stop()
        self._cluster.stop()
        shutil.rmtree(self._cluster.home.data, ignore_errors=True)

    def processes(self) -> dict[str, int]:
        postgres = self._cluster.pid
        return super().processes() | ({"postgresql": postgres} if postgres else {})
