"""A token that cannot be seen by accident, and where one comes from.

``repr``, ``str``, ``format``, HTML, tracebacks with their local variables, ``copy`` and ``pickle`` all give
``***``; only ``reveal()`` gives the bytes, and only the HTTP client calls it. ``scrub()`` is the second line of
defence: what is written to disk passes through it.
"""

from __future__ import annotations

import hmac
import os
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from t3lens.act.errors import AuthInvalid
from t3lens.errors import UsageError
from t3lens.t3code.v1.wire import PAIRING_TOKEN, TOKEN_COMMAND

__all__ = ["HIDDEN", "KEYRING_SERVICE", "TOKEN_VARIABLE", "Token", "find_token", "scrub"]

HIDDEN: Final = "***"
"""What is shown instead of a token."""

TOKEN_VARIABLE: Final = "T3LENS_TOKEN"
"""Environment variable that holds a bearer token or a pairing token."""

KEYRING_SERVICE: Final = "t3lens"
"""Service name of keyring entries; the user name is the home's environment id, or the server's origin."""

_SHORTEST_SCRUBBED: Final = 6

_known: weakref.WeakValueDictionary[int, Token] = weakref.WeakValueDictionary()


class Token:
    """A bearer or pairing token.

    Args:
        value: The token's text; surrounding white space is dropped.

    Raises:
        UsageError: It is empty or holds characters that no HTTP header may hold.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str | Token) -> None:
        self._value: str | None = value.reveal() if isinstance(value, Token) else value.strip()
        del value  # a traceback that shows local variables must not show it
        if not self._value:
            raise UsageError("the token is empty", code="bad-token")
        if not self._value.isascii() or not self._value.isprintable() or " " in self._value:
            raise UsageError("the token holds characters no token has; copy it again", code="bad-token")
        _known[id(self)] = self

    def reveal(self) -> str:
        """The token itself, for the one place that sends it.

        Raises:
            AuthInvalid: This is a copy that went through ``copy`` or ``pickle``, which keep nothing.
        """
        if self._value is None:
            raise AuthInvalid("this token was copied or unpickled and holds nothing; make a new one with Token(...)")
        return self._value

    @property
    def is_pairing(self) -> bool:
        """Whether it looks like a one-time pairing token, which has to be exchanged first."""
        return self._value is not None and PAIRING_TOKEN.fullmatch(self._value) is not None

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def _repr_html_(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Token) or self._value is None or other._value is None:
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash((Token, self._value))

    def __reduce__(self) -> tuple[Callable[[], Token], tuple[()]]:
        return _empty, ()

    def __copy__(self) -> Token:
        return _empty()

    def __deepcopy__(self, memo: object) -> Token:
        return _empty()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_value" and hasattr(self, "_value"):
            self._immutable()
        object.__setattr__(self, name, value)

    def _immutable(self) -> NoReturn:
        raise AttributeError("a token cannot be changed")


def _empty() -> Token:
    token = Token.__new__(Token)
    object.__setattr__(token, "_value", None)
    return token


def scrub(text: str) -> str:
    """``text`` with every token this process holds, and the value of ``T3LENS_TOKEN``, replaced by ``***``."""
    values = [token._value for token in list(_known.values())]
    values.append(os.environ.get(TOKEN_VARIABLE, "").strip())
    for value in values:
        if value and len(value) >= _SHORTEST_SCRUBBED:
            text = text.replace(value, HIDDEN)
    return text


def find_token(
    token: str | Token | None = None,
    *,
    names: tuple[str, ...] = (),
    where: str = "the T3 Code server",
    prompt: bool = True,
) -> Token:
    """The token to use: the one given, ``T3LENS_TOKEN``, a keyring entry, or what a person types.

    Args:
        token: Used if given.
        names: User names to look for in the keyring, best first (environment id, origin).
        where: What the token is for, as the prompt says it.
        prompt: Whether a person may be asked. Nobody is asked where nobody can answer.

    Raises:
        AuthInvalid: There is none; the message says how to get one.
    """
    if token is not None:
        return token if isinstance(token, Token) else Token(token)
    if os.environ.get(TOKEN_VARIABLE, "").strip():
        return Token(os.environ[TOKEN_VARIABLE])
    from_keyring = _from_keyring(names)
    if from_keyring is not None:
        return from_keyring
    if prompt and _somebody_there():
        return _ask(where)
    raise AuthInvalid(
        f"no token for {where}: set {TOKEN_VARIABLE}, give connect() a token, or store one"
        f" in the keyring under {KEYRING_SERVICE!r};"
        f" `{TOKEN_COMMAND}` prints one",
        code="no-token",
    )


def _from_keyring(names: tuple[str, ...]) -> Token | None:
    try:
        import keyring
    except ImportError:
        return None
    for name in names:
        # a keyring without a usable backend, or a locked one, is the same as none: the next source is tried
        with suppress(Exception):
            value = keyring.get_password(KEYRING_SERVICE, name)
            if value and value.strip():
                return Token(value)
    return None


def _somebody_there() -> bool:
    from t3lens.act.unattended import kernel_stdin

    stdin = kernel_stdin()
    if stdin is not None:
        # a kernel passes questions on from its main thread only; elsewhere they would wait for ever
        return stdin and threading.current_thread() is threading.main_thread()
    return sys.stdin is not None and sys.stdin.isatty()


def _ask(where: str) -> Token:
    # getpass in notebooks too: JupyterLab masks it and stores nothing, a Password widget's value would be saved
    import getpass

    try:
        return Token(getpass.getpass(f"Token for {where} (not shown, not stored): "))
    except (EOFError, UsageError) as error:
        raise AuthInvalid(f"no token was given for {where}", code="no-token") from error
