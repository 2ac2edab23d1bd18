"""What can go wrong between t3lens and a T3 Code server, told apart by what it means for the action.

::

    ActionError
    ├── AuthInvalid        no token, a wrong one, or one that ran out            nothing was done
    ├── ScopeMissing       the token may look but not act                        nothing was done
    ├── NotFound           the server does not know the thread or the route      nothing was done
    ├── CommandRejected    the server refused the command                        nothing was done
    ├── ConnectionFailed
    │   ├── NotDelivered   the request never reached the server                  nothing was done
    │   ├── NoAnswer       it was sent and no answer came                        whether it was done is open
    │   └── BadAnswer      an answer that is not understood, or a server error   whether it was done is open
    └── Refused
        ├── WrongHome      the server belongs to another home                    nothing was sent
        └── ActionsOff     actions are off here (unattended run)                 nothing was sent
"""

from __future__ import annotations

from t3lens.errors import ActionError, ConnectionFailed, Refused

__all__ = [
    "ActionsOff",
    "AuthInvalid",
    "BadAnswer",
    "CommandRejected",
    "Interrupted",
    "NoAnswer",
    "NotDelivered",
    "NotFound",
    "ScopeMissing",
    "WrongHome",
]


class AuthInvalid(ActionError):
    """There is no token, or the server does not accept it."""

    code = "auth-invalid"


class ScopeMissing(ActionError):
    """The token may look but not act."""

    code = "scope-missing"


class NotFound(ActionError):
    """The server does not know the thread, or has no such route."""

    code = "not-found"


class CommandRejected(ActionError):
    """The server refused the command; it is not stored and will not be carried out."""

    code = "command-rejected"


class NotDelivered(ConnectionFailed):
    """The request did not reach the server: nothing was done."""

    code = "not-delivered"


class NoAnswer(ConnectionFailed):
    """The request was sent and no answer came: whether it was carried out is open."""

    code = "no-answer"


class BadAnswer(ConnectionFailed):
    """The server failed or answered nonsense: whether the request was carried out is open."""

    code = "bad-answer"


class WrongHome(Refused):
    """The server belongs to another home than the plan."""

    code = "wrong-home"


class ActionsOff(Refused):
    """Actions are off here, because nobody watches."""

    code = "actions-off"


class Interrupted(KeyboardInterrupt):
    """A person interrupted an action; what is known of it is journaled.

    Attributes:
        result: The action's ``Result``: ``not confirmed`` if anything may have been sent.
    """

    def __init__(self, message: str, result: object) -> None:
        super().__init__(message)
        self.result = result
