"""The office's side of the API, as far as the simulation needs it: requests with a staff token, JSON both ways."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3

ATTEMPTS = 5


class OfficeRefused(Exception):
    """The office API refused a request that the simulation cannot do without."""


class Reply(NamedTuple):
    """An answer: its JSON, and the ETag where there is one."""

    status: int
    document: dict[str, Any]
    etag: str | None


class Office:
    """A member of staff at a desk. Safe to use from several threads."""

    def __init__(self, server: str, token: str) -> None:
        self._server = server.rstrip("/")
        self._token = token
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=8, retries=False, timeout=urllib3.Timeout(connect=5, read=60)
        )
        self._lock = threading.Lock()
        self.requests = 0

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request; come-again answers are repeated, every other one is returned.

        Raises:
            OfficeRefused: the server cannot be reached, or does not recover.
        """
        sent = {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "gzip", **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        reason = ""
        for attempt in range(ATTEMPTS):
            with self._lock:
                self.requests += 1
            try:
                answer = self._pool.request(method, self._server + path, body=data, headers=sent)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                reason = type(error).__name__
            else:
                # Cut within its head, an answer looks whole: without the length, nothing says that a body is missing.
                whole = bool(answer.data) or answer.status in (204, 304)
                if whole and answer.status not in (429, 502, 503, 504):
                    document = json.loads(answer.data) if answer.data else {}
                    return Reply(answer.status, document, answer.headers.get("ETag"))
                reason = f"status {answer.status}"
            time.sleep(0.2 * 2**attempt)
        raise OfficeRefused(f"{method} {path}: no answer from {self._server} ({reason})")

    def need(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request that has to succeed; its JSON.

        Raises:
            OfficeRefused: it does not.
        """
        reply = self.ask(method, path, body)
        if reply.status >= 300:
            problem = reply.document
            detail = problem.get("detail") or problem.get("title")
            raise OfficeRefused(f"{method} {path}: {reply.status} {problem.get('code')}: {detail}")
        return reply.document

    def every(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page.

        Raises:
            OfficeRefused
        """
        cursor = None
        while True:
            asked = query | {"limit": 500} | ({"cursor": cursor} if cursor else {})
            page = self.need("GET", f"{path}?{urlencode(asked, doseq=True)}")
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return
