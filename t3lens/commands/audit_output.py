"""Where an audit's documents go, and what of it is looked at: the options of ``t3lens audit`` beside the homes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.document.audit_filter import AuditFilter
    from t3lens.document.model import AuditDocument

__all__ = ["COUNTED_BY", "SHAPES", "Applied", "KeptForNext", "WantedOutputs", "wanted_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

SHAPES: Final = ("table", "json", "ndjson", "junit", "sarif", "md", "html")
"""What an audit can be written as; the same as ``t3lens.document.formats.FORMATS``, without importing it."""

COUNTED_BY: Final = ("code", "home", "host", "provider", "build", "project")
"""What findings can be counted by; the same as ``t3lens.document.model.RollUpBy``, without importing it."""


@dataclass(frozen=True, slots=True)
class KeptForNext:
    """What the next run with ``--since-last`` compares with.

    Attributes:
        path: Where it is kept.
        pieces: The content of the file.
    """

    path: Path
    pieces: Iterator[str]

    def write(self) -> None:
        """Put it in place of what the run before left: when everything else is told, so that nothing is lost.

        Raises:
            InputError: It cannot be written.
        """
        from t3lens.writing import make_folder, writing_file

        make_folder(self.path.parent)
        with writing_file(self.path, private=True) as stream:
            stream.writelines(piece.encode("ascii") for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Applied:
    """An audit as it is wanted.

    Attributes:
        document: What is told.
        whole: All of the audit it is of, secrets masked.
        kept: What the next run compares with, if it is to.
    """

    document: AuditDocument
    whole: AuditDocument
    kept: KeptForNext | None


@dataclass(frozen=True, slots=True)
class WantedOutputs:
    """What is wanted of an audit.

    Attributes:
        shape: What to print.
        outputs: Files to write, each in the format its name tells.
        only, ignore: Finding codes.
        providers, projects: Names or ids.
        start, end: Time window, as typed.
        baseline: An older audit as JSON.
        since_last: Compare with the last run over the same store.
        new_only: Leave out what the older audit has too.
        by: What findings are counted by.
        pages: A folder for a page of the audit, and one of each thread with trouble.
        redact_with: A TOML file of further masking rules.
    """

    shape: str
    outputs: tuple[tuple[str, Path], ...]
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    providers: tuple[str, ...]
    projects: tuple[str, ...]
    start: str | None
    end: str | None
    baseline: Path | None
    since_last: bool
    new_only: bool
    by: tuple[str, ...]
    pages: Path | None
    redact_with: Path | None

    def check(self, store: Path | None) -> None:
        """Refuse what cannot be, before anything is read.

        Raises:
            UsageError: A code or a combination of options is wrong.
        """
        from t3lens.document.audit_filter import check_codes

        check_codes((*self.only, *self.ignore))
        if self.since_last and store is None:
            raise UsageError("--since-last needs --store (--stores, --results in a folder): the last run is kept beside it")
        if self.since_last and self.baseline is not None:
            raise UsageError("--since-last and --baseline are two answers to one question; name one")
        if self.new_only and not (self.since_last or self.baseline is not None):
            raise UsageError("--new-only needs --baseline or --since-last: new since when?")

    def apply(
        self,
        document: AuditDocument,
        fail_on: str,
        store: Path | None,
        projects: Mapping[str, Sequence[str]],
    ) -> Applied:
        """The part of the audit that is wanted, compared with the baseline, secrets masked.

        Args:
            document: The whole audit.
            fail_on: The severity from which findings fail the run, or ``never``.
            store: The store that was used, if one was.
            projects: The names of each thread's project, by thread id.
        """
        from msgspec.structs import replace

        from t3lens.document.audit_filter import AuditFilter, chosen, leaves_out
        from t3lens.document.masking import masked, masked_rows
        from t3lens.document.model import FailOn, RollUpBy
        from t3lens.document.roll_up import with_roll_ups
        from t3lens.redact import Redactor, load_rules

        by = [RollUpBy(one) for one in self.by]
        choice = self._choice(projects)
        rules = load_rules(self.redact_with) if self.redact_with is not None else None
        redactor = Redactor(rules=rules)
        whole = replace(document, fail_on=FailOn(fail_on))
        document = masked(chosen(whole, choice), redactor)
        older = _last(store) if self.since_last and store is not None else self.baseline
        everything = document if choice == AuditFilter() else masked(whole, redactor)
        if older is None:
            return Applied(with_roll_ups(document, by), everything, None)
        from t3lens.document.baseline import kept_for_next, read_baseline, with_baseline

        baseline = read_baseline(older) if not self.since_last or older.exists() else None
        if baseline is not None:
            document = with_baseline(document, baseline, whole=everything, left_out=leaves_out(everything, choice))
            assert document.baseline is not None
            told = replace(document.baseline, vanished=masked_rows(document.baseline.vanished, redactor))
            document = replace(document, baseline=told)
        kept = KeptForNext(older, kept_for_next(everything, baseline)) if self.since_last else None
        if self.new_only and baseline is not None:
            from t3lens.document.since_baseline import only_new

            document = only_new(document)
        return Applied(with_roll_ups(document, by), everything, kept)

    def _choice(self, projects: Mapping[str, Sequence[str]]) -> AuditFilter:
        from t3lens.document.audit_filter import AuditFilter
        from t3lens.time import iso, parse_moment

        threads: frozenset[str] | None = None
        if self.projects:
            wanted = set(self.projects)
            threads = frozenset(thread for thread, names in projects.items() if wanted & set(names))
        return AuditFilter(
            only=frozenset(self.only),
            ignore=frozenset(self.ignore),
            providers=frozenset(self.providers),
            threads=threads,
            start=iso(parse_moment(self.start)) if self.start is not None else None,
            end=iso(parse_moment(self.end)) if self.end is not None else None,
        )

    def text(self, document: AuditDocument) -> Iterator[str] | None:
        """What to print, in pieces; None for the table."""
        if self.shape == "table":
            return None
        from t3lens.document.formats import in_pieces

        return in_pieces(self.shape, document)

    def write(self, document: AuditDocument) -> None:
        """Write the files.

        Raises:
            InputError: One cannot be written.
        """
        from t3lens.document.formats import in_pieces
        from t3lens.writing import make_folder, writing_file

        for shape, path in self.outputs:
            make_folder(path.parent)
            with writing_file(path) as stream:
                stream.writelines(piece.encode("utf-8", "surrogateescape") for piece in in_pieces(shape, document))
        if self.pages is not None:
            from t3lens.document.pages import write_pages

            write_pages(document, self.pages)


def _last(store: Path) -> Path:
    return store.with_name(f"{store.name}.last-audit.json")


def _outputs(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    from t3lens.document.formats import SUFFIXES

    found = []
    for value in values:
        shape, equals, name = value.partition("=")
        if equals and shape in SHAPES[1:]:
            found.append((shape, Path(name)))
            continue
        suffix = Path(value).suffix.lower()
        if suffix not in SUFFIXES:
            raise click.BadParameter(
                f"{value!r}: the name does not tell the format; write FORMAT=FILE with one of {', '.join(SHAPES[1:])}",
                param_hint="--output",
            )
        found.append((SUFFIXES[suffix], Path(value)))
    return tuple(found)


_OPTIONS: Final = (
    click.option("--format", "shape", type=click.Choice(SHAPES), default="table", show_default=True,
                 help="What to print: a table for people, or a document for programs."),
    click.option("-o", "--output", "outputs", multiple=True, callback=_outputs, metavar="FILE",
                 help="Write a document too, in the format its name tells (.json .ndjson .xml .sarif .md .html), or "
                      "FORMAT=FILE. May be said several times."),
    click.option("--only", multiple=True, metavar="CODE", help="Look only at findings with this code."),
    click.option("--ignore", multiple=True, metavar="CODE", help="Leave out findings with this code."),
    click.option("--provider", "providers", multiple=True, metavar="NAME", help="Only threads of this provider."),
    click.option("--project", "projects", multiple=True, metavar="NAME",
                 help="Only threads of this project, by id or title."),
    click.option("--from", "start", metavar="TIME", help="Only what is so since this moment or later."),
    click.option("--until", "end", metavar="TIME", help="Only what is so since this moment or earlier."),
    click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="An older audit (--format json): say what is new, gone and known since; only what is new fails."),
    click.option("--since-last", is_flag=True,
                 help="The same against the last run with this option over the same --store (or --stores)."),
    click.option("--new-only", is_flag=True,
                 help="With either: leave out what the older audit has too, in every format."),
    click.option("--by", multiple=True, type=click.Choice(COUNTED_BY), metavar="|".join(COUNTED_BY),
                 help="Count findings by this, in every format; the table counts instead of telling. Several times."),
    click.option("--pages", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                 help="Write the audit as a page, DIR/index.html, that links to one page for each thread with trouble."),
    click.option("--redact-with", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="A TOML file of further words and patterns to mask; secrets are masked anyway."),
)  # fmt: skip


def wanted_options(function: _Command) -> _Command:
    """Give a command the options above; it gets them as ``wanted``."""
    names = WantedOutputs.__dataclass_fields__

    @wraps(function)
    def command(**given: Any) -> Any:
        wanted = WantedOutputs(**{name: given.pop(name) for name in names})
        return function(wanted=wanted, **given)

    wrapped: Any = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # takes other words, as click calls it
