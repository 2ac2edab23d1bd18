"""What an ingest came to, for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from t3lens.counted import counted

__all__ = ["HomeReport", "IngestReport"]


@dataclass(slots=True)
class HomeReport:
    """What was read of one home.

    Attributes:
        home_id: Id of the home that was read.
        path: Where it is.
        server: ``alive``, ``dead`` or ``unknown``, as far as it mattered for reading.
        files: Log files found.
        unchanged: Of these, with nothing new.
        missing: Files read before that are gone now; their records stay.
        records: Log records and spans stored now.
        events: Events of the event store stored now.
        quarantined: Pieces of files put into quarantine now.
        bytes_read: Bytes of log that became records or quarantine entries now.
        problems: What could not be read, a sentence each.
        whole: Whether it was read to its end, not cut off by an interrupt.
    """

    home_id: str
    path: str
    server: str = "unknown"
    files: int = 0
    unchanged: int = 0
    missing: int = 0
    records: int = 0
    events: int = 0
    quarantined: int = 0
    bytes_read: int = 0
    problems: list[str] = field(default_factory=list)
    whole: bool = True


@dataclass(slots=True)
class IngestReport:
    """What an ingest came to.

    Attributes:
        homes: One report per home, in the order given.
        seconds: How long it took.
        interrupted: Whether it was ended early (Ctrl-C); what was read is stored, the rest is read
            next time.
        set_aside: Where a damaged store was moved to, if one was; everything was read anew.
        coverage: How complete each thread's evidence is: rows of the view ``coverage``.
    """

    homes: list[HomeReport] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    set_aside: str | None = None
    coverage: list[dict[str, Any]] = field(default_factory=list)

    def _total(self, name: str) -> int:
        return sum(getattr(home, name) for home in self.homes)

    @property
    def files(self) -> int:
        """Log files found."""
        return self._total("files")

    @property
    def unchanged(self) -> int:
        """Files with nothing new."""
        return self._total("unchanged")

    @property
    def missing(self) -> int:
        """Files that are gone since."""
        return self._total("missing")

    @property
    def records(self) -> int:
        """Log records and spans stored now."""
        return self._total("records")

    @property
    def events(self) -> int:
        """Events of event stores stored now."""
        return self._total("events")

    @property
    def quarantined(self) -> int:
        """Pieces put into quarantine now."""
        return self._total("quarantined")

    @property
    def bytes_read(self) -> int:
        """Bytes of log read now."""
        return self._total("bytes_read")

    @property
    def problems(self) -> list[str]:
        """What could not be read, each with its home when there are several."""
        several = len(self.homes) > 1
        return [f"{home.path}: {text}" if several else text for home in self.homes for text in home.problems]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)

    def _summary(self) -> list[str]:
        megabytes = self.bytes_read / 1e6
        lines = [
            f"{counted(len(self.homes), 'home')}, {counted(self.files, 'log file')} "
            f"({self.unchanged:,} unchanged, {self.missing:,} gone): {counted(self.records, 'record')} and "
            f"{counted(self.events, 'stored event')} read, {megabytes:,.1f} MB in {self.seconds:.1f} s"
        ]
        if self.quarantined:
            pieces = counted(self.quarantined, "piece")
            lines.append(f"{pieces} in quarantine (see the view quarantine)")
        if self.interrupted:
            lines.append("interrupted: what was read is stored, the rest is read next time")
        if self.set_aside:
            lines.append(f"the store was damaged: set aside as {self.set_aside}, read anew")
        return lines + [f"not read: {problem}" for problem in self.problems]

    def __repr__(self) -> str:
        return "\n".join(self._summary())

    def _repr_html_(self) -> str:
        first, *rest = self._summary()
        items = "".join(f"<li>{escape(line)}</li>" for line in rest)
        return f"<div><b>{escape(first)}</b>{f'<ul>{items}</ul>' if items else ''}</div>"
