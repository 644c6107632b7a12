"""What each peer has to be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from fieldsync.cluster import Cluster

from .server import Server
from .work import WorkOrder


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the run gives to every peer alike."""

    cluster: Cluster
    """PostgreSQL for those that use it: one cluster with one set of settings for all."""
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
    uses_postgres = True
    service_type_id = "0190a000-0000-7000-8000-000000000001"
    server: Server

    def __init__(self, surroundings: Surroundings) -> None:
        self.around = surroundings

    @abstractmethod
    def install(self) -> None:
        """Bring its packages; a moment when they are there."""

    @abstractmethod
    def start(self) -> None:
        """Start it on an empty database, ready for its clients."""

    def stop(self) -> None:
        """End the server."""
        self.server.stop()

    @abstractmethod
    def create_body(self, client: int, orders: list[WorkOrder]) -> bytes:
        """The request that pushes new work orders."""

    @abstractmethod
    def create(self, client: int, body: bytes) -> None: ...

    @abstractmethod
    def update_body(self, client: int, changes: list[WorkOrder]) -> bytes:
        """The request that pushes changes to work orders which the same client created."""

    @abstractmethod
    def update(self, client: int, body: bytes) -> None: ...

    @property
    @abstractmethod
    def ways_to_pull(self) -> tuple[str, ...]:
        """How a client can get everything. The fastest is the one compared."""

    def prepare_pull(self, way: str) -> None:  # noqa: B027  (most have nothing to do)
        """Whatever the server's keeper would do beforehand; not timed."""

    @abstractmethod
    def pull(self, client: int, way: str) -> int:
        """Get everything, page by page; returns how many work orders came."""
