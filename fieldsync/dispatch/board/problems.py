"""What the board refuses."""

from __future__ import annotations

from fieldsync.problems import ComeAgain


class StreamsTaken(ComeAgain):
    """As many consoles listen as a process, a partnership or a person may have; ask for the changes meanwhile."""

    code = "streams_taken"
