"""How something that was wrong came to its end."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EpisodeEnd"]


class EpisodeEnd(StrEnum):
    """How an episode ended."""

    PROVIDER = "provider"
    """The provider came back, or ended its turn."""
    STOPPED = "stopped"
    """A person stopped the session."""
    INTERRUPTED = "interrupted"
    """A person interrupted the turn."""
    ANSWERED = "answered"
    """A person answered what was asked."""
    NEW_MESSAGE = "new-message"
    """A person sent another message."""
    RESTART = "restart"
    """The server ended it when it started again."""
    ACTION = "t3lens"
    """An action of t3lens, which the journal has."""
    DELETED = "deleted"
    """A person deleted the thread."""
    UNKNOWN = "unknown"
    """It was over at the next moment that can be judged; nothing says why."""
    NEVER = "never"
    """It goes on."""

    @property
    def sentence(self) -> str:
        """How it ended, as a sentence about it."""
        return _SENTENCES[self]

    @property
    def clause(self) -> str:
        """Until when it went on, as a part of a sentence; empty where it goes on."""
        if self in (EpisodeEnd.NEVER, EpisodeEnd.UNKNOWN):
            return {EpisodeEnd.UNKNOWN: "until something that no record tells of ended it"}.get(self, "")
        return f"until {self.sentence[:1].lower()}{self.sentence[1:].rstrip('.')}"


_SENTENCES = {
    EpisodeEnd.PROVIDER: "The provider came back, or ended its turn.",
    EpisodeEnd.STOPPED: "A person stopped the session.",
    EpisodeEnd.INTERRUPTED: "A person interrupted the turn.",
    EpisodeEnd.ANSWERED: "A person answered what was asked.",
    EpisodeEnd.NEW_MESSAGE: "A person sent another message.",
    EpisodeEnd.RESTART: "The server ended it when it started again.",
    EpisodeEnd.ACTION: "An action of t3lens ended it.",
    EpisodeEnd.DELETED: "A person deleted the thread.",
    EpisodeEnd.UNKNOWN: "It was over at the next moment that can be judged; nothing says why.",
    EpisodeEnd.NEVER: "It goes on.",
}
