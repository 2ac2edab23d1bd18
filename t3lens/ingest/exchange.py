"""One request and its whole answer, within one time and one size, whatever the server does.

A time-out of a single read never ends where a server sends a byte now and then. So a timer ends the connection itself.
"""

from __future__ import annotations

import logging
import socket
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

__all__ = ["Exchange", "HttpResponse", "NotInTime", "TooLarge", "telling_of_silence"]

_LOG: Final = logging.getLogger("t3lens.waiting")
_TOLD_AFTER_S: Final = 4.0


class NotInTime(Exception):
    """No whole answer came in the time there was."""


class TooLarge(Exception):
    """The answer is longer than one that is looked at."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer: its status and its body, unpacked."""

    status: int
    content: bytes


class Exchange:
    """Asks with an HTTP client; one exchange after the other."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def ask(self, method: str, url: str, *, seconds: float, largest: int, **request: Any) -> HttpResponse:
        """Send one request and read all of what is answered.

        Args:
            method: ``GET`` or ``POST``.
            url: Whole, or below the client's base.
            seconds: From now to the last byte.
            largest: Bytes that the body may have, unpacked.
            request: As the client takes it.

        Raises:
            NotInTime: The time was over first.
            TooLarge: The body is larger.
            httpx2.HTTPError: Anything else that goes wrong.
        """
        import httpx2

        if seconds <= 0:
            raise NotInTime
        over = threading.Event()

        def end() -> None:
            over.set()
            for one in list(self._sockets):
                _cut(one)

        def note(name: str, info: dict[str, Any]) -> None:
            """Told by the client what it does: here, which sockets it opens."""
            if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                found = info["return_value"].get_extra_info("socket")
                if isinstance(found, socket.socket):
                    self._sockets.add(found)
                    if over.is_set():
                        _cut(found)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        told = telling_of_silence(url if "://" in url else str(self._http.base_url), seconds)
        parts: list[bytes] = []
        size = 0
        try:
            with self._http.stream(method, url, extensions={"trace": note}, **request) as answer:
                for part in answer.iter_bytes():
                    size += len(part)
                    if size > largest:
                        raise TooLarge(f"more than {largest:,} bytes")
                    parts.append(part)
                    if over.is_set():
                        raise NotInTime
            if over.is_set():  # a body without a length ends as well as one that is cut
                raise NotInTime
            return HttpResponse(answer.status_code, b"".join(parts))
        except httpx2.HTTPError:
            if over.is_set():
                raise NotInTime from None
            raise
        finally:
            timer.cancel()
            told.cancel()


def telling_of_silence(origin: str, seconds: float) -> threading.Timer:
    """Tell a person that a server takes its time, where it does: a line, some seconds before it is given up.

    Args:
        origin: Where it is asked.
        seconds: When it is given up.

    Returns:
        To be cancelled when it answered.
    """
    after = min(_TOLD_AFTER_S, 0.8 * seconds)
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in origin)[:200]
    text = f"t3lens: {shown} has not answered for {after:.0f} s; it is given up after {seconds:.0f} s"
    timer = threading.Timer(after, _LOG.warning, [text])
    timer.daemon = True
    timer.start()
    return timer


def _cut(one: socket.socket) -> None:
    """End what anybody reads from or writes to a connection."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
