"""What can go wrong between a tablet and its server, by what the app then does."""

from __future__ import annotations


class TabletProblem(Exception):
    """The root: nothing that was entered is ever lost by any of these."""


class Unreachable(TabletProblem):
    """No answer that can be trusted. Whether the request arrived is not known; sending it again is safe."""

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        """``retry_after_s``: how long the server asked to wait, where it did."""
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotEnrolled(TabletProblem):
    """The server does not take the token (any more): a new enrolment code is needed. The queue is kept."""


class DeviceRevoked(NotEnrolled):
    """The office has revoked this tablet. It may hand in what waits, and has dropped all else; then as above."""


class ServerRefused(TabletProblem):
    """The server understood and will not do it; sending the same again is of no use."""

    def __init__(self, status: int, document: dict[str, object]) -> None:
        """``document``: the RFC 9457 problem that came with it."""
        self.status = status
        self.code = str(document.get("code", "unknown"))
        self.document = document
        super().__init__(f"{status} {self.code}: {document.get('detail') or document.get('title') or ''}")


class AppOutdated(ServerRefused):
    """The server speaks another version of the protocol, or takes no app so old: it has to be updated. The queue is
    kept, and goes out once it is."""

    @property
    def where(self) -> str | None:
        """What the office tells those who have to update it: where from; None where it tells nothing."""
        told = self.document.get("app")
        return told if isinstance(told, str) else None


class SequenceGap(ServerRefused):
    """The server expects an earlier edit than the first of the batch: it was restored from a backup."""

    @property
    def expected_seq(self) -> int | None:
        """The number that the server expects next."""
        expected = self.document.get("expected_seq")
        return expected if type(expected) is int and expected >= 1 else None


class JournalTooShort(TabletProblem):
    """The server lost edits that this tablet no longer holds. Enrol it anew: its queue is then numbered from 1."""

    def __init__(self, expected_seq: int, oldest_seq: int) -> None:
        self.expected_seq = expected_seq
        self.oldest_seq = oldest_seq
        super().__init__(
            f"The server expects edit {expected_seq}; the oldest that this tablet still holds is {oldest_seq}."
            " Ask the office for a new enrolment code: everything that waits is then sent under new numbers."
        )


class EditTooLarge(TabletProblem):
    """The fields of one edit are larger than an exchange could carry."""


class NotRefused(TabletProblem):
    """Only what the server refused can be entered again."""


class ReadOnly(TabletProblem):
    """The office enters records of this kind; a tablet shows them."""


class StoreTooNew(TabletProblem):
    """The file was written by a newer version of the app."""
