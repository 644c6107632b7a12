"""Somebody who reads a partnership at /ogc as a program does: from link to link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.clients.scene import Scene

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
PAGES_MAX = 100
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def linked(document: Any, rel: str) -> str | None:
    """Where a document's link with this relation leads."""
    found = [link["href"] for link in document["links"] if link["rel"] == rel]
    assert len(found) <= 1
    return found[0] if found else None


class Reader:
    """Asks with a bearer token, or with none."""

    def __init__(self, scene: Scene, token: str | None = None) -> None:
        self.scene = scene
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> Any:
        """One request; ``path`` is below the partnership's landing page unless it is an address."""
        if path.startswith("http"):
            address = urlsplit(path)._replace(scheme="", netloc="").geturl()
        else:
            address = f"/ogc/{self.scene.slug}/{path}"
        client = self.scene.app.test_client()
        query = {name.replace("_", "-") if name == "bbox_crs" else name: value for name, value in query.items()}
        return client.open(address, method=method, headers=self.headers | (headers or {}), query_string=query or None)

    def get(self, path: str, **query: Any) -> Any:
        """The document of a request that succeeds."""
        answer = self.ask(path, **query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json

    def collections(self) -> dict[str, Any]:
        """What there is, by title."""
        return {collection["title"]: collection for collection in self.get("collections")["collections"]}

    def pages(self, collection_id: str, **query: Any) -> Iterator[Any]:
        """All pages of features."""
        address: str | None = f"collections/{collection_id}/items"
        for _ in range(PAGES_MAX):
            page = self.get(address, **query)
            yield page
            address, query = linked(page, "next"), {}
            if address is None:
                return
        raise AssertionError("There is always another page.")

    def features(self, collection_id: str, **query: Any) -> list[Any]:
        """The features of all pages."""
        return [feature for page in self.pages(collection_id, **query) for feature in page["features"]]

    def codes(self, collection_id: str, **query: Any) -> list[str]:
        return [feature["properties"]["code"] for feature in self.features(collection_id, **query)]

    def refused(self, path: str, **query: Any) -> tuple[str, str | None]:
        """Code and field of the problem that a request with a bad parameter is answered with."""
        answer = self.ask(path, **query)
        assert answer.status_code == 400, (answer.status_code, answer.get_data(as_text=True)[:300])
        assert answer.content_type == "application/problem+json"
        return answer.json["code"], answer.json.get("field")
