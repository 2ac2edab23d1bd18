"""One thread as a detector sees it."""

from __future__ import annotations

from t3lens.diagnose.known_thread import KnownThread
from t3lens.diagnose.once import once
from t3lens.diagnose.open_requests import OpenRequests
from t3lens.diagnose.waiting_start import WaitingStart

__all__ = ["Case"]


class Case(KnownThread):
    """What every thread detector gets: what is known of the thread, its requests, and the turn it is to begin."""

    @once
    def requests(self) -> OpenRequests:
        """What its provider asks a person."""
        return OpenRequests(self)

    @once
    def start(self) -> WaitingStart:
        """The turn that was asked for and did not begin."""
        return WaitingStart(self)
