"""A small reference tablet: the model for an app in Kotlin or Swift. It imports nothing else of fieldsync.

    tablet = Tablet("crew7.sqlite3", "https://fieldsync.example.org")
    tablet.enrol("demo-7K3QX-M9D2H")                       # once, with a code from the office
    tablet.sync()                                          # the first download

    job = tablet.records("work_order")[0]                  # all of this without a network
    tablet.update("work_order", job.id, {"status": "in_progress"})
    tablet.create("note", {"work_order_id": job.id, "body": "Deeper than it looked."})

    tablet.plan(job.id)                                    # when it is to be done
    tablet.lacking(job.id)                                 # what is missing before it may be completed

    tablet.whose(-79.99, 40.44)                            # whose ground is this?

    tablet.sync()                                          # back in coverage
    tablet.fetch_boundaries()                              # once a day, say
    for edit in tablet.refused(): ...                      # what a person has to look at
    tablet.enter_again(edit.seq, {"due_at": None})         # and what she makes of it

The parts, each small enough to be read at one go:

``store``         the SQLite file; the one transaction that everything rests on
``edits``         the queue of numbered edits, and the journal behind it
``replica``       the server's records, with own edits drawn over
``completion``    what a work order still lacks before it may be completed
``line``          one HTTP request, and what each failure means
``answer``        the answer, checked before it is stored
``conversation``  one exchange
``refused``       what the office decided on refused edits; entering one again
``deposit``       handing in what waits once the office has revoked the tablet
``backoff``       how long to wait after a failure
``enrolment``     joining a crew; trading the token
``package``       the boundaries to take along
``ground``        whose ground a point is
``tablet``        all of it, for an app's screens

The protocol is described in docs/sync.md, the boundaries in docs/boundaries-serving.md.
"""

from __future__ import annotations

from fieldsync.tablet.completion import Lacking
from fieldsync.tablet.conversation import Exchanged
from fieldsync.tablet.edits import Edit, Verdict
from fieldsync.tablet.ground import Ground, Whose
from fieldsync.tablet.line import HttpLine, Line, Reply
from fieldsync.tablet.problems import (
    AppOutdated,
    DeviceRevoked,
    EditTooLarge,
    JournalTooShort,
    NotEnrolled,
    NotRefused,
    ReadOnly,
    SequenceGap,
    ServerRefused,
    StoreTooNew,
    TabletProblem,
    Unreachable,
)
from fieldsync.tablet.replica import Record
from fieldsync.tablet.tablet import Tablet

__all__ = [
    "AppOutdated",
    "DeviceRevoked",
    "Edit",
    "EditTooLarge",
    "Exchanged",
    "Ground",
    "HttpLine",
    "JournalTooShort",
    "Lacking",
    "Line",
    "NotEnrolled",
    "NotRefused",
    "ReadOnly",
    "Record",
    "Reply",
    "SequenceGap",
    "ServerRefused",
    "StoreTooNew",
    "Tablet",
    "TabletProblem",
    "Unreachable",
    "Verdict",
    "Whose",
]
