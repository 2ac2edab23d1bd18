"""The network side of the simulated server: real HTTP on loopback, and what goes wrong on the way."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Protocol

import msgspec

from t3lens.sim.auth import HttpReply

__all__ = ["Handler", "Http", "HttpFault", "Site"]


class HttpFault(msgspec.Struct, kw_only=True):
    """Something that goes wrong between the server and its clients.

    Attributes:
        path: Only requests whose path begins so.
        method: Only requests of this method.
        delay: Seconds before anything is done.
        drop: ``before``: the connection is closed and nothing was done; ``after``: it was done, and the answer
            is lost; ``never``, of a socket: it was done, and no answer ever comes.
        answer: Given instead of the server's own, which then does nothing.
        times: How often it happens; None for ever.
    """

    path: str = "/"
    method: str | None = None
    delay: float = 0.0
    drop: Literal["before", "after", "never"] | None = None
    answer: HttpReply | None = None
    times: int | None = None

    def takes(self, method: str, path: str) -> bool:
        """Whether it applies to this request; counts it if so."""
        if not path.startswith(self.path) or self.method not in (None, method) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Site(Protocol):
    """What answers the requests."""

    http_faults: list[HttpFault]
    requests: list[tuple[str, str]]

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """Answer one request."""


class Http(ThreadingHTTPServer):
    """One thread per connection, and a way to cut them all.

    Args:
        address: Host and port; port 0 takes a free one.
        site: The object that answers the requests.
    """

    daemon_threads = True
    block_on_close = False
    handler: type[BaseHTTPRequestHandler]

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        super().__init__(address, self.handler)
        self.site = site
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, remembering that it is open."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """Cut whoever is still connected."""
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: Http

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a command."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests read ``SimServer.requests``."""

    def _answer(self) -> None:
        site = self.server.site
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        site.requests.append((self.command, self.path))
        fault = next((fault for fault in site.http_faults if fault.takes(self.command, self.path)), None)
        if fault is not None:
            if fault.delay:
                threading.Event().wait(fault.delay)
            if fault.drop == "before":
                self._drop()
                return
        answer = fault.answer if fault and fault.answer else site.handle(self.command, self.path, headers, body)
        if fault is not None and fault.drop == "after":
            self._drop()
            return
        self._send(answer)

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, answer: HttpReply) -> None:
        text = isinstance(answer.body, str)
        data = b"" if answer.body is None else answer.body.encode() if text else msgspec.json.encode(answer.body)
        self.send_response(answer.status)
        if data:
            self.send_header("content-type", "text/plain" if text else "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(data)


Http.handler = Handler
