"""The socket side of the simulated server: WebSocket frames on the connection of an HTTP request, Effect's RPC in them."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from t3lens.sim.auth import HttpReply
from t3lens.sim.http import Handler, Http, HttpFault

__all__ = ["SecondHttp", "SocketSite"]

_SOCKET: Final = "/ws"
_SILENT: Final = logging.Logger("t3lens.sim.socket", level=logging.CRITICAL + 1)
_PATIENCE_S: Final = 30.0


class SocketSite(Protocol):
    """What answers on a socket."""

    http_faults: list[HttpFault]
    requests: list[tuple[str, str]]

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """Answer one HTTP request."""

    def open_socket(self, path: str) -> tuple[str, ...] | HttpReply:
        """The scopes of whoever opens a socket with this path, or why it is not opened."""

    def asked(self, message: dict[str, Any], scopes: tuple[str, ...]) -> dict[str, Any] | None:
        """Answer one message on a socket; None if it wants no answer."""


class _Handler(Handler):
    def do_GET(self) -> None:
        """Answer a read, or open a socket."""
        if self.path.startswith(_SOCKET) and self.headers.get("upgrade", "").lower() == "websocket":
            self._socket()
        else:
            super().do_GET()

    def _socket(self) -> None:
        site: Any = self.server.site
        self.close_connection = True
        site.requests.append(("GET", _SOCKET))  # without its query: the ticket is a secret
        fault = next((one for one in site.http_faults if one.takes("GET", self.path)), None)
        protocol = ServerProtocol(logger=_SILENT)
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        protocol.receive_data(f"{self.requestline}\r\n{head}\r\n".encode())
        (request,) = protocol.events_received()
        opened = fault.answer if fault is not None and fault.answer is not None else site.open_socket(self.path)
        if isinstance(opened, HttpReply):
            body = "" if opened.body is None else msgspec.json.encode(opened.body).decode()
            protocol.send_response(protocol.reject(opened.status, body))
            self._flush(protocol)
            return
        protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]  # the first event is the request
        self._flush(protocol)
        self.connection.settimeout(_PATIENCE_S)
        with suppress(OSError):
            self._serve_socket(protocol, site, opened, fault)

    def _serve_socket(self, protocol: ServerProtocol, site: Any, scopes: tuple[str, ...], fault: HttpFault | None) -> None:
        while True:
            data = self.connection.recv(1 << 16)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            for event in protocol.events_received():
                if not (isinstance(event, Frame) and event.opcode is Opcode.TEXT):
                    continue
                if fault is not None and fault.drop == "before":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if fault is not None and fault.delay:
                    threading.Event().wait(fault.delay)
                answer = site.asked(msgspec.json.decode(event.data), scopes)
                if fault is not None and fault.drop == "after":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if answer is not None and (fault is None or fault.drop != "never"):
                    protocol.send_text(msgspec.json.encode(answer))
            self._flush(protocol)
            if not data or protocol.close_expected():
                return

    def _flush(self, protocol: ServerProtocol) -> None:
        for data in protocol.data_to_send():
            if data:
                self.connection.sendall(data)


class SecondHttp(Http):
    """HTTP and sockets at one address."""

    handler = _Handler
