"""express-pouchdb on LevelDB: CouchDB's protocol in Node.js, where many an offline app begins."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from typing import Any

from bench.server import free_port

from .connection import Connection, UnexpectedAnswer
from .install import node_packages, place
from .peer import Peer, Surroundings
from .server import Server
from .work import WorkOrder

DATABASE = "/workorders"
_LAST_SEQ = re.compile(rb'"last_seq":(\d+)')
_ID = re.compile(rb'"id":"([^"]+)"')


class PouchDB(Peer):
    name = "express-pouchdb"
    version = "4.2.0 (PouchDB 9.0.0, express 4.22.3)"
    durability = "LevelDB without fsync: an acknowledged push can be lost in a power cut"
    ways_to_pull = ("changes feed with documents", "all documents")

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.settings = (
            "one Node.js process, as it is made; mode minimumForPouchDB (no log, no users, no validation)",
            "_bulk_docs, which has no limit of its own",
            "an update sends the whole document of 12 fields with its _rev: documents have no part-updates",
            "revisions known to the client beforehand, not looked up in the measured time",
        )
        self._documents: dict[str, dict[str, Any]] = {}

    def install(self) -> None:
        self._home = node_packages("pouchdb")

    def start(self) -> None:
        data = place("pouchdb") / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        port = free_port()
        command = ["node", "server.js", str(port), str(data)]
        self.server = Server(command, self.around.logs / "pouchdb.log", self._home, {"NODE_ENV": "production"})
        self.server.wait_until_it_answers(port, "/")
        self.connections = [Connection(port, {}) for _ in range(self.around.clients)]
        self.connections[0].call("PUT", DATABASE, expect=201)

    def create_body(self, client: int, orders: Sequence[WorkOrder]) -> bytes:
        documents = [{"_id": order.id, **order.fields} for order in orders]
        self._documents.update((document["_id"], document) for document in documents)
        return _bulk(documents)

    def update_body(self, client: int, changes: Sequence[WorkOrder]) -> bytes:
        keys = json.dumps({"keys": [change.id for change in changes]}).encode()
        answer, _ = self.connections[client].call("POST", f"{DATABASE}/_all_docs", keys)
        revisions = {row["id"]: row["value"]["rev"] for row in json.loads(answer)["rows"]}
        return _bulk([{**self._documents[each.id], **each.fields, "_rev": revisions[each.id]} for each in changes])

    def create(self, client: int, body: bytes) -> None:
        answer, _ = self.connections[client].call("POST", f"{DATABASE}/_bulk_docs", body, expect=201)
        if answer.count(b'"ok":true') != self.around.batch:
            raise UnexpectedAnswer(f"PouchDB did not take all of a batch: {answer[:300]!r}")

    update = create

    def pull(self, client: int, way: str) -> int:
        return self._changes(client) if way == self.ways_to_pull[0] else self._all_documents(client)

    def _changes(self, client: int) -> int:
        documents, since, page = 0, b"0", self.around.page
        while True:
            path = f"{DATABASE}/_changes?include_docs=true&limit={page}&since={since.decode()}"
            answer, _ = self.connections[client].call("GET", path)
            got = answer.count(b'"seq":')
            documents += got
            last = _LAST_SEQ.search(answer[-100:])
            if last is None:
                raise UnexpectedAnswer(f"no last_seq in {answer[-100:]!r}")
            since = last[1]
            if got < page:
                return documents

    def _all_documents(self, client: int) -> int:
        documents, start, page = 0, "", self.around.page
        while True:
            path = f"{DATABASE}/_all_docs?include_docs=true&limit={page}{start}"
            answer, _ = self.connections[client].call("GET", path)
            got = answer.count(b'"value":')
            documents += got
            if got < page:
                return documents
            # A page begins behind the last document of the one before, the next greater text.
            last = _ID.findall(answer[-3000:])[-1].decode()
            start = f'&startkey="{last}~"'


def _bulk(documents: list[dict[str, Any]]) -> bytes:
    return json.dumps({"docs": documents}, separators=(",", ":")).encode()
