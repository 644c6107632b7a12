"""The AccordSync server that the comparison talks to. Runs inside AccordSync's own environment.

Every work order field is `lww`, AccordSync's cheapest strategy, and the scope function returns a constant, so
that nothing of the example's own costs time. Its rate limits are off: they would refuse the load.
"""

from __future__ import annotations

import os

from accordsync_core import define_schema, lww
from accordsync_server import Access, AccordServer, Auth, Compaction, Limits, create_pool, define_server

FIELDS = os.environ["ACCORD_FIELDS"].split(",")
SCOPE = ["partnership"]

definition = define_server(
    schema=define_schema({"workorder": {name: lww() for name in FIELDS}}),
    scopes={"workorder": lambda record: SCOPE},
    access=lambda claims: Access(read=SCOPE, write=SCOPE),
    auth=Auth.hs256(os.environ["ACCORD_SECRET"]),
    rate_limit=False,
    limits=Limits(
        max_push_ops=int(os.environ["ACCORD_PUSH_OPS"]),
        max_pull_limit=int(os.environ["ACCORD_PULL_ROWS"]),
    ),
    # Nobody compacts on a timer here; when the comparison asks for it, every record is folded.
    compaction=Compaction(min_ops=1),
)

pool = create_pool(os.environ["ACCORD_DATABASE_URL"])
app = AccordServer(definition, pool).wsgi
