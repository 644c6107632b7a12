"""The operations of openapi.yaml, and a request for each that names things of a given partnership."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tests.isolation.bodies import FOREIGN
from tests.isolation.things import BODIES

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
METHODS = ("get", "put", "post", "patch", "delete")

QUERIES = {
    "GET /v1/crews/{crew_id}/roster": "?from=2026-01-01&to=2026-01-31",
    "GET /v1/board": "?from=2026-01-01&to=2026-01-07",
    "GET /v1/board/changes": "?from=2026-01-01&to=2026-01-07&since=0&epoch=00000000-0000-0000-0000-000000000000",
    "GET /v1/qualifications": "?expiring_before=2030-01-01",
    "GET /v1/service-levels/report": "?from=2026-01-01T00:00:00Z&to=2026-01-31T00:00:00Z",
}
"""What must be asked for at addresses that do not answer without."""


@dataclass(frozen=True)
class Operation:
    """A method of an address."""

    method: str
    path: str
    operation_id: str

    @property
    def name(self) -> str:
        """As it stands in the table of expectations."""
        return f"{self.method} {self.path}"

    @property
    def names_things(self) -> bool:
        """Whether the address holds the id of something."""
        return "{" in self.path

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    def address(self, things: Mapping[str, Any]) -> str:
        """The address of one of these things."""
        return self.path.format(**things) + QUERIES.get(self.name, "")

    def body(self, things: Mapping[str, Any]) -> Any:
        """A body that the address takes, naming these things; None where it takes none."""
        if self.name in FOREIGN:
            return FOREIGN[self.name](things)
        if self.operation_id in _BODIES:
            return _BODIES[self.operation_id]
        return {} if self.method in ("PATCH", "PUT") else None


_BODIES = {endpoint.replace(".", "_"): body for endpoint, body in BODIES.items()}


@lru_cache(1)
def operations() -> tuple[Operation, ...]:
    """Every operation that openapi.yaml describes; the one that ends the session of whoever asks comes last."""
    document = yaml.load(DOCUMENT.read_text(), Loader=yaml.CSafeLoader)
    described = [
        Operation(method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    return tuple(sorted(described, key=lambda operation: operation.path == "/v1/sessions/current"))
