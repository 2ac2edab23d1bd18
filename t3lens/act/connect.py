"""Connecting to the server of a home: the right one, with the least rights, and only when somebody is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from t3lens.act.errors import AuthInvalid, NotDelivered, ScopeMissing, WrongHome
from t3lens.act.own_server import why_not_its_own
from t3lens.act.server import Environment, Server
from t3lens.act.target import Target
from t3lens.act.token import TOKEN_VARIABLE, Token, find_token
from t3lens.act.unattended import require_actions
from t3lens.act.v1.client import Client
from t3lens.act.v2.client import SecondClient
from t3lens.errors import Refused, UsageError
from t3lens.ingest.home_files import ServerRuntime, is_loopback, read_environment_id, read_runtime
from t3lens.t3code.data_model import DataModel
from t3lens.t3code.home_layout import ENVIRONMENT_ID, SERVER_RUNTIME, USERDATA
from t3lens.t3code.v1.wire import OPERATE, TOKEN_COMMAND

if TYPE_CHECKING:
    import httpx2

    from t3lens.ingest import Home

__all__ = ["Connection", "connect", "target_of"]

_TIMEOUT_S: Final = 10.0


class Connection:
    """A server, known to be the one of a home. Made by ``connect``.

    Nothing is asked of the server until it is needed, and the scope to act only when acting.
    """

    def __init__(
        self,
        *,
        userdata: Path,
        environment_id: str | None,
        url: str | None,
        token: str | Token | None,
        allow_remote: bool,
        prompt: bool,
        timeout: float,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        self.userdata = userdata
        self.environment_id = environment_id
        self._url = url
        self._given = Token(token) if isinstance(token, str) else token
        self._token: Token | None = None
        self._allow_remote = allow_remote
        self._prompt = prompt
        self._timeout = timeout
        self._transport = transport
        self._server: Server | None = None
        self._model = DataModel.V1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Connection({str(self.userdata)!r} at {self.origin or 'no server'})"

    def _repr_html_(self) -> str:
        from html import escape

        return escape(repr(self))

    def close(self) -> None:
        """Close its connections; it opens new ones when used again."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def model(self) -> DataModel:
        """The data model whose wire is spoken."""
        return self._model

    def speak(self, model: DataModel) -> None:
        """Speak the wire of ``model`` from now on: that of the thread that is looked at or acted on."""
        if model != self._model:
            self.close()
            self._model = model

    @property
    def origin(self) -> str | None:
        """Where the server is: as given, else as ``server-runtime.json`` says now."""
        if self._url is not None:
            return self._url
        runtime = read_runtime(self.userdata)
        return runtime.origin if runtime is not None else None

    def environment(self) -> Environment:
        """What the server says of itself, now.

        Raises:
            WrongHome: It belongs to another home.
            ConnectionFailed: No server answers.
        """
        return self._checked(self._opened())

    def for_looking(self, *, ask: bool = True) -> Server:
        """The server, to be read.

        Args:
            ask: Whether a person may be asked for a token, and a pairing token be used up for looking.

        Raises:
            WrongHome: The server belongs to another home.
            Refused: It speaks for another data model.
            AuthInvalid: There is no token, or a wrong one.
            ConnectionFailed: No server answers.
        """
        return self._authorised(operate=False, ask=ask)

    def for_acting(self) -> Server:
        """The server, to be sent commands.

        Raises:
            ActionsOff: Nobody watches here.
            WrongHome: The server belongs to another home, or that cannot be told.
            Refused: It speaks for another data model.
            ScopeMissing: The token may only look.
            AuthInvalid: There is no token, or a wrong one.
            ConnectionFailed: No server answers.
        """
        require_actions()
        if self.environment_id is None:
            raise WrongHome(
                f"{self.userdata} has no {ENVIRONMENT_ID}, so no server can be told to be its own; nothing is sent"
            )
        server = self._authorised(operate=True, ask=True)
        if not server.may_operate():
            raise ScopeMissing(
                f"the token may only look; acting needs one with {OPERATE} (`{TOKEN_COMMAND}`, in {TOKEN_VARIABLE})"
            )
        return server

    def again(self) -> None:
        """Forget the open connection: after a restart the server may be at another address."""
        self.close()

    # --- how ------------------------------------------------------------------------------------------------

    def _opened(self) -> Server:
        origin = self.origin
        if origin is None:
            raise NotDelivered(f"{self.userdata} has no {SERVER_RUNTIME}: no T3 Code server runs; start it, or give url=")
        if self._url is None and not is_loopback(origin):
            # the file is input like any other: it must not send a token anywhere else
            raise UsageError(
                f"{SERVER_RUNTIME} names another machine ({origin}); give url= yourself if that is right",
                code="remote-not-allowed",
            )
        if self._server is not None and self._server.origin != origin.rstrip("/"):
            self.close()
        if self._server is None:
            speaker = SecondClient if self._model is DataModel.V2 else Client
            self._server = speaker(
                origin,
                allow_remote=self._allow_remote,
                timeout=self._timeout,
                transport=self._transport,
            )
        return self._server

    def _checked(self, server: Server) -> Environment:
        environment = server.environment()
        if self.environment_id is not None and environment.environment_id != self.environment_id:
            raise WrongHome(
                f"the server at {server.origin} belongs to another home (its environment is"
                f" {environment.environment_id}, this home's {self.environment_id}); nothing was sent"
            )
        return environment

    def _require_own(self) -> None:
        """Send no token where only a discovery file says so, unless all else says it too."""
        if self._url is not None:
            return
        reason = why_not_its_own(read_runtime(self.userdata) or ServerRuntime(), self.environment_id)
        if reason is not None:
            raise WrongHome(
                f"no token is sent to {self.origin}: {reason}; if it is right, name it yourself "
                f"(--url {self.origin}, or connect(url=...))",
                code="not-its-server",
            )

    def _authorised(self, *, operate: bool, ask: bool) -> Server:
        server = self._opened()
        environment = self._checked(server)
        reason = environment.cannot_serve(self._model)
        if reason is not None:
            raise Refused(f"nothing is done to this home: {reason}; nothing was sent", code="cannot-judge")
        self._require_own()  # before the token goes anywhere
        if self._token is None:
            token = find_token(
                self._given,
                # by the home's id, not by what the server calls itself
                names=tuple(name for name in (self.environment_id, server.origin) if name is not None),
                where=server.origin,
                prompt=self._prompt and ask,
            )
            if token.is_pairing:
                if not ask:
                    # good for one exchange: it is kept until it is known whether acting is wanted
                    raise AuthInvalid("the pairing token is kept for acting", code="pairing-kept")
                token = server.exchange(token, operate=operate)
            self._token = token
        server.token = self._token
        return server


def connect(
    home: str | Path | Home,
    *,
    url: str | None = None,
    token: str | Token | None = None,
    allow_remote: bool = False,
    prompt: bool = True,
    timeout: float = _TIMEOUT_S,
    transport: httpx2.BaseTransport | None = None,
) -> Connection:
    """The connection to the server of ``home``. Nothing is asked of it yet.

    Args:
        home: A ``Home``, its ``userdata`` folder, or the folder above.
        url: The server's origin; from ``server-runtime.json`` by default.
        token: A bearer or pairing token; else ``T3LENS_TOKEN``, a keyring entry, or a question to the person.
        allow_remote: Permit another machine than this one (over TLS).
        prompt: Whether the person may be asked for a token.
        timeout: Seconds for one answer.
        transport: Replaces the network (tests).
    """
    path = Path(home) if isinstance(home, (str, Path)) else home.path
    userdata = path / USERDATA if (path / USERDATA).is_dir() else path
    return Connection(
        userdata=userdata,
        environment_id=read_environment_id(userdata),
        url=url,
        token=token,
        allow_remote=allow_remote,
        prompt=prompt,
        timeout=timeout,
        transport=transport,
    )


def target_of(home: Home, thread_id: str, *, title: str = "", provider: str | None = None) -> Target:
    """The target that a thread of ``home`` is."""
    return Target(
        home_id=home.home_id,
        home_path=str(home.path),
        thread_id=thread_id,
        title=title,
        provider=provider,
        environment_id=home.environment_id,
        database=str(home.database) if home.database is not None else None,
        log_dir=str(home.log_dir) if home.log_dir is not None else None,
    )
