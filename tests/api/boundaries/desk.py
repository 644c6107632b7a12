"""A GIS person's desk: layers, files, and the runs over them, which the test carries out itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from fieldsync.boundaries.runs import carry_out
from tests.api.town import Caller, Town

Document = dict[str, Any]
BASE = "/v1/boundaries"


def collection(*squares: tuple[str, float, float], size: float = 0.1) -> bytes:
    """GeoJSON of squares: each its code, and its lower left corner in degrees."""
    features = []
    for code, lon, lat in squares:
        east, north = round(lon + size, 9), round(lat + size, 9)
        ring = [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"code": code, "name": code}, "geometry": geometry})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


TWO = collection(("A", -80.0, 40.0), ("B", -79.9, 40.0))
"""The towns Alder and Birch of tests.api.town, side by side."""

APART = collection(("A", -80.0, 40.0), ("B", -79.8, 40.0))
"""The same with a strip between them."""


@dataclass
class Desk:
    town: Town
    gis: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.gis = self.town.staff("gis")

    def layer(self, name: str = "Towns", **settings: Any) -> str:
        answer = self.gis.post(f"{BASE}/layers", {"name": name} | settings)
        assert answer.status_code == 201, answer.json
        return str(answer.json["id"])

    def send(self, layer_id: str, files: Mapping[str, bytes] | Sequence[Path], **options: Any) -> Any:
        """The answer to handing in files."""
        named = files if isinstance(files, Mapping) else {file.name: file.read_bytes() for file in files}
        # Encoded here: the test client would keep a large body in a file that it does not close.
        boundary, body = encode_multipart(
            options | {"file": [FileStorage(BytesIO(content), name) for name, content in named.items()]}
        )
        return self.gis.post(
            f"{BASE}/layers/{layer_id}/uploads", data=body, content_type=f"multipart/form-data; boundary={boundary}"
        )

    def hand_in(self, layer_id: str, files: Mapping[str, bytes] | Sequence[Path], **options: Any) -> Document:
        """The run of an import, carried out."""
        answer = self.send(layer_id, files, **options)
        assert answer.status_code == 202, answer.json
        return self.carried_out(answer.json)

    def drafted(self, layer_id: str, content: bytes = TWO) -> str:
        """A draft of this file, checked: its id."""
        run = self.hand_in(layer_id, {"towns.geojson": content})
        assert run["state"] == "done", run["problem"]
        return str(run["version_id"])

    def published(self, layer_id: str, content: bytes = TWO) -> str:
        """The same, published."""
        version_id = self.drafted(layer_id, content)
        self.publish(version_id)
        return version_id

    def publish(self, version_id: str) -> Document:
        wanted = {"acknowledge": self.version(version_id)["to_acknowledge"]}
        answer = self.gis.post(f"{BASE}/versions/{version_id}/publication", wanted)
        assert answer.status_code == 202, answer.json
        run: Document = answer.json
        return run

    def asked(self, path: str, body: Any = None) -> Document:
        """A run that is asked for at an address, carried out."""
        answer = self.gis.post(f"{BASE}{path}", body)
        assert answer.status_code == 202, answer.json
        return self.carried_out(answer.json)

    def carried_out(self, run: Document) -> Document:
        with self.town.app.app_context():
            carry_out(self.town.partnership_id, UUID(run["id"]))
        return self.run(run["id"])

    def run(self, run_id: str) -> Document:
        answer = self.gis.get(f"{BASE}/runs/{run_id}")
        assert answer.status_code == 200, answer.json
        document: Document = answer.json
        return document

    def version(self, version_id: str) -> Document:
        answer = self.gis.get(f"{BASE}/versions/{version_id}")
        assert answer.status_code == 200, answer.json
        document: Document = answer.json
        return document

    def findings(self, version_id: str, **query: Any) -> Document:
        answer = self.gis.get(f"{BASE}/versions/{version_id}/findings", query_string=query)
        assert answer.status_code == 200, answer.json
        document: Document = answer.json
        return document
