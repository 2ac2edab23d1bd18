"""Whom to tell: addresses, through apprise, and commands, with JSON on their standard input.

An address holds passwords and tokens. It is in no message, error, log or file of t3lens: a target is named after its kind
and its place on the command line, as in ``slack 1``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from t3lens.act.token import TOKEN_VARIABLE
from t3lens.errors import UsageError
from t3lens.notify.item import Item, body_of, json_of, title_of
from t3lens.notify.variable import NOTIFY_VARIABLE

__all__ = ["Recipient", "targets"]

_EXEC_S: Final = 30.0
_SEND_S: Final = 60.0
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,20})://")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to tell.

    Attributes:
        name: What it is called where it is spoken of: kind and number.
        url: The address; empty for a command. Never shown.
        command: The command and its arguments; empty for an address. Arguments are never shown.
        seconds: How long telling may take.
    """

    name: str
    url: str = field(default="", repr=False)
    command: tuple[str, ...] = field(default=(), repr=False)
    seconds: float = _SEND_S

    @property
    def one_by_one(self) -> bool:
        """Whether it wants each finding by itself."""
        return bool(self.command)

    def tell(self, items: Sequence[Item], left_out: int = 0) -> str | None:
        """Tell it something, once.

        Args:
            items: What; at least one.
            left_out: How many more there were than could be kept.

        Returns:
            None if it took it, otherwise why not: a few words without a secret.
        """
        if self.command:
            return _run(self.command, json_of(items, left_out), self.seconds)
        return _send(self.url, title_of(items), body_of(items, left_out), self.seconds)


def targets(urls: Iterable[str], commands: Iterable[str]) -> tuple[Recipient, ...]:
    """The targets that a person named.

    Args:
        urls: Addresses as apprise knows them; ``@FILE`` stands for a file with one in each line. Those of
            ``T3LENS_NOTIFY`` come after.
        commands: Commands with arguments, as a shell would part them; no shell runs them.

    Raises:
        UsageError: An address is not known to apprise, apprise is not there, or a command is empty.
    """
    numbers: Counter[str] = Counter()
    found: list[Recipient] = []
    for url in _addresses(urls):
        scheme = _SCHEME.match(url)
        kind = scheme[1].lower() if scheme is not None else "address"
        numbers[kind] += 1
        name = f"{kind} {numbers[kind]}"
        _check(url, name)
        found.append(Recipient(name, url=url))
    for number, command in enumerate(commands, 1):
        try:
            words = tuple(shlex.split(command))
        except ValueError:
            words = ()
        if not words:
            raise UsageError(f"--exec {number} is no command: its quotes do not close, or it is empty", code="bad-exec")
        found.append(Recipient(f"exec {number}", command=words, seconds=_EXEC_S))
    return tuple(found)


def _addresses(urls: Iterable[str]) -> list[str]:
    found: list[str] = []
    for url in urls:
        if not url.startswith("@"):
            found.append(url)
            continue
        path = Path(url[1:]).expanduser()
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UsageError(f"the file of addresses {path} cannot be read: {why}", code="bad-notify") from None
        found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [*found, *os.environ.get(NOTIFY_VARIABLE, "").split()]


def _check(url: str, name: str) -> None:
    try:
        import apprise
    except ImportError:
        raise UsageError(
            "--notify needs apprise, which is not installed: pip install 't3lens[notify]'", code="no-apprise"
        ) from None
    _silence_loggers()
    if not apprise.Apprise().add(url):
        raise UsageError(
            f"the address {name} is none that apprise knows; its documentation lists them (the address itself is not shown "
            "here: it may hold a password)",
            code="bad-notify",
        )


def _silence_loggers() -> None:
    """Keep apprise, and what it uses, from logging addresses."""
    for name in ("apprise", "urllib3", "requests"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def _send(url: str, title: str, body: str, seconds: float) -> str | None:
    import apprise

    _silence_loggers()
    outcome: list[bool] = []

    def send() -> None:
        with contextlib.suppress(Exception):
            sender = apprise.Apprise()
            sender.add(url)
            outcome.append(bool(sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)))

    # a service that never answers must not keep us: the thread is left to itself, and ends with the process
    thread = threading.Thread(target=send, name="t3lens-notify", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return f"no answer within {seconds:.0f} s"
    return None if outcome == [True] else "it was refused, or nobody was there"


def _run(command: Sequence[str], text: bytes, seconds: float) -> str | None:
    secret = {TOKEN_VARIABLE, NOTIFY_VARIABLE}
    environment = {name: value for name, value in os.environ.items() if name not in secret}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return f"it cannot be run: {error.strerror if isinstance(error, OSError) else 'a null character in it'}"
    try:
        process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"it did not end within {seconds:.0f} s, and was ended"
    except BrokenPipeError:  # it did not want to read
        process.wait(seconds)
    finally:
        if process.poll() is None:
            _end(process)
    return None if process.returncode == 0 else f"it ended with {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all it began."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
