"""V1's HTTP API, as far as t3lens needs it: three reads, one write, one token exchange.

Every exchange has one deadline, follows no redirect, uses no proxy and verifies TLS. Reads are tried again; a
command is sent exactly once per call, because only the caller knows whether it may be sent again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict

from t3lens.act.errors import (
    AuthInvalid,
    BadAnswer,
    CommandRejected,
    NoAnswer,
    NotDelivered,
    NotFound,
    ScopeMissing,
)
from t3lens.act.plan import Action
from t3lens.act.server import Environment, ThreadSeen
from t3lens.act.target import CommandFailure, SessionSeen
from t3lens.act.token import Token, scrub
from t3lens.errors import ActionError, UsageError
from t3lens.ingest.exchange import Exchange, HttpResponse, NotInTime, TooLarge
from t3lens.ingest.home_files import is_loopback
from t3lens.t3code.v1 import wire
from t3lens.time import now

if TYPE_CHECKING:
    import httpx2

__all__ = ["Client"]

_TIMEOUT_S: Final = 10.0
_CONNECT_S: Final = 3.0
_ATTEMPTS: Final = 3
_FIRST_PAUSE_S: Final = 0.05
_LARGEST: Final = 256 << 20
_CLIENT_LABEL: Final = "t3lens"


def _origin(url: str, *, allow_remote: bool) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{url!r} is no server address", code="bad-url") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no server address; give http://127.0.0.1:PORT", code="bad-url")
    if parts.username or parts.password:
        raise UsageError("a server address must not hold credentials; use T3LENS_TOKEN", code="bad-url")
    if not is_loopback(url):
        if not allow_remote:
            raise UsageError(
                f"{parts.hostname} is not this machine; allow_remote=True (--allow-remote) permits it",
                code="remote-not-allowed",
            )
        if parts.scheme != "https":
            raise UsageError(
                f"a token is not sent to {parts.hostname} without TLS; use https://",
                code="remote-not-allowed",
            )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


class Client:
    """A connection to one server.

    Args:
        url: Its origin. Loopback only, unless ``allow_remote``; then TLS is required.
        token: Bearer token; None for what needs none.
        allow_remote: Permit another machine.
        timeout: Seconds for one answer.
        attempts: How often a read is tried.
        transport: Replaces the network (tests).

    Raises:
        UsageError: The address is none, holds credentials, or is not allowed.
    """

    def __init__(
        self,
        url: str,
        token: Token | None = None,
        *,
        allow_remote: bool = False,
        timeout: float = _TIMEOUT_S,
        attempts: int = _ATTEMPTS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        import httpx2

        self.origin = _origin(url, allow_remote=allow_remote)
        self.token = token
        self.environment_seen: Environment | None = None
        self._attempts = attempts
        self._timeout = timeout
        self._http = httpx2.Client(
            base_url=self.origin,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_S)),
            follow_redirects=False,
            trust_env=False,
            verify=self.origin.startswith("https:"),  # to load the certificates takes longer than a request to this machine
            transport=transport,
        )
        self._exchange = Exchange(self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.origin!r})"

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    # --- reads ----------------------------------------------------------------------------------------------

    def environment(self) -> Environment:
        """Which home the server belongs to, and its version; needs no token.

        Raises:
            ConnectionFailed: No server answers, or something else does.
        """
        shown = wire.environment_shown(self._get(wire.ENVIRONMENT, authorised=False))
        if shown is None:
            raise BadAnswer(f"{self.origin} answers, but is no T3 Code server")
        self.environment_seen = Environment(
            environment_id=shown.environment_id,
            version=shown.version,
            label=shown.label,
            protocol=shown.protocol,
        )
        return self.environment_seen

    def session(self) -> dict[str, Any]:
        """Who the token is: ``authenticated``, and ``scopes`` or (0.0.23) ``role``."""
        return self._get(wire.SESSION)

    def may_operate(self) -> bool:
        """Whether the token may send commands.

        Raises:
            AuthInvalid: The server does not know the token.
        """
        may = wire.may_operate(self.session())
        if may is None:
            raise AuthInvalid(f"{self.origin} does not accept the token")
        return may

    def snapshot(self) -> dict[str, Any]:
        """All projects and threads; newer builds leave messages and activities out."""
        return self._get(wire.SNAPSHOT)

    def thread(self, thread_id: str) -> dict[str, Any]:
        """One thread with its activities.

        Raises:
            NotFound: It is unknown, deleted or archived, or this build has no such route.
        """
        body = self._get(wire.thread_route(thread_id))
        if wire.one_thread(body) is None:
            raise BadAnswer(f"{self.origin} gave no thread for {thread_id}")
        return body

    def thread_seen(self, thread_id: str) -> ThreadSeen:
        """What the server shows of the thread, archived and deleted ones too where its snapshot has them."""
        environment = self.environment_seen or self.environment()
        thread: dict[str, Any] | None = None
        body: dict[str, Any] = {}
        if not environment.roles_only:
            with suppress(NotFound):
                body = self.thread(thread_id)
                thread = wire.one_thread(body)
        if thread is None:
            # archived and deleted threads, and builds without a route for one thread
            body = self.snapshot()
            thread = wire.thread_among(body, thread_id)
        sequence = wire.snapshot_sequence(body)
        if thread is None:
            return ThreadSeen(found=False, sequence=sequence)
        shown = wire.thread_shown(thread)
        session, turn = shown.session, shown.latest_turn
        return ThreadSeen(
            found=True,
            title=shown.title,
            archived=shown.archived,
            deleted=shown.deleted,
            session=None if session is None else SessionSeen(**asdict(session)),
            turns={} if turn is None else {turn.turn_id: turn.state},
            failures=tuple(CommandFailure(**asdict(failure)) for failure in shown.failures),
            open_requests=shown.open_requests,
            answered=shown.answered,
            newest_at=shown.updated_at,
            sequence=sequence,
        )

    # --- the write ------------------------------------------------------------------------------------------

    def dispatch(self, command: Mapping[str, Any]) -> int:
        """Send one command, once. 200 means stored, not done.

        Args:
            command: With ``type`` and a ``commandId``, which makes a repetition harmless.

        Returns:
            The sequence the event store reached.

        Raises:
            CommandRejected: It is refused for good; a new attempt needs a new ``commandId``.
            NotDelivered: It never reached the server.
            NoAnswer, BadAnswer: It may have been stored; the same ``commandId`` may be sent again.
            AuthInvalid, ScopeMissing, NotFound: It was not stored.
        """
        body = self._request("POST", wire.DISPATCH, json=lambda: dict(command))
        sequence = wire.sequence_reached(body)
        if sequence is None:
            raise BadAnswer(f"{self.origin} accepted the command but gave no sequence")
        return sequence

    def send(self, action: Action, thread_id: str, command_id: str, about: Mapping[str, Any]) -> int:
        """Send one command about the thread, once; see ``dispatch``."""
        named = {"request_id": about.get("requestId"), "decision": about.get("decision")}
        return self.dispatch(wire.command(action.value, command_id, thread_id, now(), **named))

    # --- tokens ---------------------------------------------------------------------------------------------

    def exchange(self, pairing: Token, *, operate: bool = False) -> Token:
        """The bearer token for a one-time pairing token, with no more scope than is needed.

        Args:
            pairing: From ``t3 auth pairing create``; good for one exchange.
            operate: Ask for the scope that acting needs, too.

        Raises:
            AuthInvalid: It is unknown, used up or too old.
            ScopeMissing: The pairing does not grant the scope; it is not used up by that.
        """
        environment = self.environment_seen or self.environment()
        if environment.roles_only:
            body = self._request(
                "POST",
                wire.TOKEN_OF_ROLES,
                json=lambda: wire.pairing_of_roles(pairing.reveal()),
                authorised=False,
            )
            name = wire.BEARER_FIELD_OF_ROLES
        else:
            body = self._request(
                "POST",
                wire.TOKEN,
                data=lambda: wire.token_request(pairing.reveal(), operate=operate, label=_CLIENT_LABEL),
                authorised=False,
            )
            name = wire.BEARER_FIELD
        if not isinstance(body.get(name), str) or not body[name]:
            del body
            raise BadAnswer(f"{self.origin} gave no token for the pairing token")
        return Token(body.pop(name))

    # --- how ------------------------------------------------------------------------------------------------

    def _get(self, path: str, *, authorised: bool = True) -> dict[str, Any]:
        # by hand: a retry library would log each retry, and so write into its user's terminal
        pause = threading.Event()
        until = time.monotonic() + self._timeout
        attempt = 0
        while True:
            attempt += 1
            left = until - time.monotonic()
            try:
                return self._request("GET", path, authorised=authorised, seconds=left)
            except (NotDelivered, NoAnswer):
                wait = _FIRST_PAUSE_S * 2**attempt
                if attempt >= self._attempts or time.monotonic() + wait >= until:
                    raise
                pause.wait(wait)

    def _request(
        self,
        method: str,
        path: str,
        *,
        json: Callable[[], dict[str, Any]] | None = None,
        data: Callable[[], dict[str, str]] | None = None,
        authorised: bool = True,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        import httpx2

        seconds = self._timeout if seconds is None else seconds

        auth = _bearer(self.token) if authorised and self.token is not None else None
        try:
            answer = self._exchange.ask(
                method,
                path,
                seconds=seconds,
                largest=_LARGEST,
                json=json() if json else None,  # made here: no frame's locals hold a secret
                data=data() if data else None,
                auth=auth,
                headers={"accept": "application/json"},
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise NotDelivered(f"no server answers at {self.origin}: {_why(error)}; is T3 Code running?") from None
        except NotInTime:
            raise NoAnswer(f"{self.origin} gave no whole answer to {method} {path} within {seconds:.1f} s") from None
        except TooLarge as error:
            raise BadAnswer(f"{self.origin} answered {method} {path} with {error}") from None
        except httpx2.HTTPError as error:
            raise NoAnswer(f"{self.origin} gave no answer to {method} {path}: {_why(error)}") from None
        return self._understood(method, path, answer)

    def _understood(self, method: str, path: str, answer: HttpResponse) -> dict[str, Any]:
        status = answer.status
        body = _decoded(answer.content)
        if 200 <= status < 300:
            if isinstance(body, dict):
                return body
            raise BadAnswer(f"{self.origin} answered {method} {path} with something else than JSON")
        said = body if isinstance(body, dict) else {}
        raise self._failure(method, path, status, said, empty=not answer.content)

    def _failure(self, method: str, path: str, status: int, said: dict[str, Any], *, empty: bool) -> ActionError:
        reason = scrub(wire.refusal(said)[:200])
        roles_only = self.environment_seen is not None and self.environment_seen.roles_only
        if status == 401 or (status == 500 and empty and roles_only):
            return AuthInvalid(
                f"{self.origin} does not accept the token ({reason or status}); `{wire.TOKEN_COMMAND}` prints a fresh one"
            )
        if status == 403 or reason in wire.SCOPE_REFUSALS:
            return ScopeMissing(f"the token lacks the scope {wire.missing_scope(said)}; ask for one that may operate")
        if status == 404 or (status == 503 and not said):
            return NotFound(f"{self.origin} knows nothing at {path} ({reason or status})")
        if method == "POST" and (400 <= status < 500 or reason == wire.DISPATCH_FAILED):
            return CommandRejected(f"the server refused the request ({reason or status})")
        if 300 <= status < 400:
            return BadAnswer(f"{self.origin} redirects {path}; a token is not sent elsewhere")
        return BadAnswer(f"{self.origin} answered {method} {path} with {status} {reason}".rstrip())


def _bearer(token: Token) -> httpx2.Auth:
    import httpx2

    class Bearer(httpx2.Auth):
        # no frame's local variables hold the token's text: a traceback with locals shows ***
        def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
            request.headers["Authorization"] = f"Bearer {token.reveal()}"
            yield request

    return Bearer()


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _why(error: Exception) -> str:
    text = scrub(str(error)).strip()
    return f"{type(error).__name__}{f' ({text})' if text else ''}"
