"""V2's API, as far as t3lens needs it: reads over HTTP, and one command over one socket that is opened for it.

A socket is opened with a ticket that the server gives to the bearer of the token: it is good once and lives for seconds.
Neither ticket nor token is logged; the socket's library is told to log nothing. A command is sent exactly once per call.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from t3lens.act.errors import AuthInvalid, BadAnswer, CommandRejected, NoAnswer, NotDelivered, NotFound, ScopeMissing
from t3lens.act.plan import Action
from t3lens.act.server import ThreadSeen
from t3lens.act.token import Token, scrub
from t3lens.act.v1.client import Client
from t3lens.errors import ActionError, Refused
from t3lens.ingest.exchange import telling_of_silence
from t3lens.t3code.v1.wire import OPERATE, thread_route
from t3lens.t3code.v2 import wire

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

__all__ = ["SecondClient"]

_LARGEST_FRAME: Final = 16 << 20
_CLOSE_S: Final = 1.0
_SILENT: Final = logging.Logger("t3lens.socket", level=logging.CRITICAL + 1)
"""Outside the tree of loggers: what a library writes of a handshake holds the ticket."""


class SecondClient(Client):
    """A connection to one server of the second data model; see ``t3lens.act.v1.client.Client``."""

    def __init__(self, url: str, token: Token | None = None, *, timeout: float = 10.0, **how: Any) -> None:
        super().__init__(url, token, timeout=timeout, **how)
        self._timeout = timeout
        self._http.headers[wire.PROTOCOL_HEADER] = str(wire.PROTOCOL)

    def __repr__(self) -> str:
        return f"SecondClient({self.origin!r})"

    def thread_seen(self, thread_id: str) -> ThreadSeen:
        """What the server shows of the thread, archived and deleted ones too.

        Raises:
            Refused: The server is one of the first data model.
        """
        try:
            body = self._get(thread_route(thread_id))
        except NotFound:
            return ThreadSeen(found=False)
        projection = wire.projection_of(body)
        if projection is None:
            raise Refused(
                f"{self.origin} does not answer as a server of T3 Code's second data model (V2) does; nothing was sent",
                code="other-model",
            )
        shown = wire.thread_shown(projection)
        return ThreadSeen(
            found=True,
            title=shown.title,
            archived=shown.archived,
            deleted=shown.deleted,
            newest_at=shown.updated_at,
            sequence=wire.snapshot_sequence(body),
            second=shown,
        )

    def send(self, action: Action, thread_id: str, command_id: str, about: Mapping[str, Any]) -> int:
        """Send one command about the thread, once; see ``Server.send``."""
        command = wire.command(action.value, command_id, thread_id, about)
        request_id = uuid.uuid4().hex
        with self._socket() as socket:
            reply = self._asked(socket, request_id, wire.request_frame(request_id, command))
        reason = scrub(reply.reason)[:300]
        if reply.how is wire.Answered.STORED and reply.sequence is not None:
            return reply.sequence
        if reply.how is wire.Answered.REFUSED:
            raise CommandRejected(f"the server refused the command: {reason or 'it gives no reason'}")
        if reply.how is wire.Answered.NO_SCOPE:
            raise ScopeMissing(f"the token lacks the scope {OPERATE} ({reason}); ask for one that may operate")
        raise BadAnswer(f"{self.origin} failed at the command ({reason})")

    # --- how ------------------------------------------------------------------------------------------------

    def _ticket(self) -> Token:
        body = self._request("POST", wire.TICKET)
        if wire.ticket_in(body) is None:
            del body
            raise BadAnswer(f"{self.origin} gave no ticket for a socket")
        return Token(str(body.pop("ticket")))

    def _socket(self) -> ClientConnection:
        """A socket of its own, opened with a fresh ticket. Nothing was sent where it cannot be opened."""
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect

        try:
            ticket = self._ticket()
        except (NoAnswer, BadAnswer) as error:
            # the command itself was not sent: without a ticket there is no socket
            raise NotDelivered(f"no ticket for a socket: {error}") from None
        problem: ActionError
        told = telling_of_silence(self.origin, self._timeout)
        try:
            return connect(
                wire.socket_address(self.origin, ticket.reveal()),
                compression=None,
                proxy=None,
                open_timeout=self._timeout,
                close_timeout=_CLOSE_S,
                ping_interval=None,
                max_size=_LARGEST_FRAME,
                logger=_SILENT,
                user_agent_header="t3lens",
            )
        except InvalidStatus as error:
            problem = self._not_opened(error.response.status_code)
        except (WebSocketException, OSError, EOFError) as error:
            problem = NotDelivered(f"no socket to {self.origin}: {type(error).__name__}")
        finally:
            told.cancel()
        raise problem

    def _not_opened(self, status: int) -> ActionError:
        if status == 426:
            return CommandRejected(
                f"{self.origin} wants another version of the orchestration protocol than {wire.PROTOCOL} (426)",
                code="other-protocol",
            )
        if status in (401, 403):
            return AuthInvalid(f"{self.origin} does not accept the ticket for a socket ({status}): it may have run out")
        if status == 404:
            return NotFound(f"{self.origin} has no socket: it is no server of T3 Code's second data model (V2)")
        return NotDelivered(f"{self.origin} opens no socket ({status})")

    def _asked(self, socket: ClientConnection, request_id: str, frame: str) -> wire.Reply:
        """Send a request and wait for the answer that names it; others on the same socket are not looked at."""
        from websockets.exceptions import WebSocketException

        until = time.monotonic() + self._timeout
        told = telling_of_silence(self.origin, self._timeout)
        try:
            socket.send(frame)
            while True:
                text = socket.recv(timeout=max(0.0, until - time.monotonic()))
                for message in wire.frames(text):
                    reply = wire.reply_to(request_id, message)
                    if reply is not None:
                        return reply
        except TimeoutError:
            raise NoAnswer(f"{self.origin} took the command and did not answer within {self._timeout:g} s") from None
        except (WebSocketException, OSError, EOFError) as error:
            why = type(error).__name__
        finally:
            told.cancel()
        raise NoAnswer(f"the socket to {self.origin} was cut after the command was sent ({why})")
