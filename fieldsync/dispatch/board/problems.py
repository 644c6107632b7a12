"""What the board refuses."""

from __future__ import annotations

from fieldsync.problems import ComeAgain


class StreamsTaken(ComeAgain):
    """As many consoles listen to this process as it has threads for; ask for the changes meanwhile, and try later."""

    code = "streams_taken"
