"""Making an incident document and writing it down."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from t3lens.diagnose import ServerSetting, ThreadDiagnosis, Thresholds
from t3lens.errors import UsageError
from t3lens.redact import Redactor, load_rules
from t3lens.report.incident import Incident, gather_incident
from t3lens.report.markdown import incident_markdown
from t3lens.report.page import incident_html
from t3lens.report.picture import redacted, timeline_svg
from t3lens.report.subject import Subject
from t3lens.time import Micros, iso
from t3lens.view.page.escape import already_masked
from t3lens.writing import make_folder, replace_file

if TYPE_CHECKING:
    from t3lens.session.session import Session

__all__ = ["incident", "report_html", "report_markdown", "write_report"]

_MOST_THREADS: Final = 40


def incident(
    session: Session,
    threads: Sequence[ThreadDiagnosis | Subject],
    *,
    content: bool = False,
    redact_with: str | os.PathLike[str] | None = None,
    title: str | None = None,
    output: str = "report.html",
) -> Incident:
    """What the document of some threads says, as data, redacted.

    Args:
        session: Where the threads are from.
        threads: At least one, or single incidents of threads; the first ``40`` are told.
        content: Show prompts, answers, tool arguments and outputs; secrets stay masked.
        redact_with: A TOML file of further masking rules (see ``t3lens.redact.load_rules``).
        title: Title of the document.
        output: The name of the file, for the command that rebuilds it.

    Raises:
        UsageError: No thread was given, or the rules cannot be read.
    """
    if not threads:
        raise UsageError("a report needs at least one thread", code="nothing-to-report")
    redactor = Redactor(content=content, rules=load_rules(redact_with) if redact_with is not None else None)
    told = [one if isinstance(one, Subject) else Subject(one) for one in threads][:_MOST_THREADS]
    command = _command(session, told, content=content, redact_with=redact_with, output=output)
    found = gather_incident(session, told, redactor=redactor, title=title, command=command)
    shown = tuple(msgspec.structs.replace(thread, timeline=redacted(thread.timeline, redactor)) for thread in found.threads)
    return msgspec.structs.replace(found, threads=shown, maskings=dict(sorted(redactor.counts.items())))


def _command(
    session: Session,
    told: Sequence[Subject],
    *,
    content: bool,
    redact_with: str | os.PathLike[str] | None,
    output: str,
) -> str:
    """The command line that makes the same document from the same homes."""
    words = ["t3lens", "report"]
    threads = [one.thread for one in told]
    for one in told:
        words += ["--incident", one.incident.incident_id] if one.incident is not None else ["--thread", one.thread.thread_id]
    concerned = {one.home_id for one in threads}
    words += [str(home.path) for home in session.homes if home.home_id in concerned]
    if not session.homes and session.store.path is not None:
        words += ["--store", str(session.store.path)]
    moments = {one.case.context.as_of for one in threads}
    if len(moments) == 1:
        words += ["--as-of", _exact(moments.pop())]
    alive = any(one.case.context.server.alive for one in threads)
    if session.options.server is not ServerSetting.AUTO or alive:
        # A server that runs now will not when the document is made again; one that is gone stays gone.
        words += ["--server", str(ServerSetting.ALIVE if alive else ServerSetting.DEAD)]
    if session.options.rules is not None:
        words += ["--rules", session.options.rules]
    usual, used = Thresholds(), session.options.thresholds
    for name in Thresholds.__struct_fields__:
        if getattr(used, name) != getattr(usual, name):
            words += ["--threshold", f"{name}={getattr(used, name):g}"]
    if content:
        words.append("--content")
    if redact_with is not None:
        words += ["--redact-with", os.fspath(redact_with)]
    return " ".join(shlex.quote(word) for word in [*words, "--output", output])


def _exact(at: Micros) -> str:
    return iso(at) if at % 1000 == 0 else f"{iso(at)[:-1]}{at % 1000:03d}Z"


def report_html(session: Session, threads: Sequence[ThreadDiagnosis | Subject], **options: object) -> str:
    """The document as one HTML page; see ``incident`` for the options."""
    said = incident(session, threads, **options)  # type: ignore[arg-type]
    with already_masked():
        return incident_html(said)


def report_markdown(session: Session, threads: Sequence[ThreadDiagnosis | Subject], **options: object) -> str:
    """The document as Markdown, without pictures; see ``incident`` for the options."""
    said = incident(session, threads, **options)  # type: ignore[arg-type]
    with already_masked():
        return incident_markdown(said)


def write_report(
    session: Session,
    threads: Sequence[ThreadDiagnosis | Subject],
    path: str | os.PathLike[str],
    *,
    content: bool = False,
    redact_with: str | os.PathLike[str] | None = None,
    title: str | None = None,
    markdown: bool = True,
) -> Path:
    """Write the incident document of some threads.

    ``path`` becomes one HTML file that stands alone; beside it ``NAME.md`` is written, with the timelines as
    ``NAME-1.svg`` … . A path that ends in ``.md`` writes the Markdown and its pictures only. The same homes, options
    and moment give the same bytes.

    Args:
        session: Where the threads are from.
        threads: At least one, or single incidents of threads.
        path: The file to write.
        content: Show prompts, answers, tool arguments and outputs; secrets stay masked.
        redact_with: A TOML file of further masking rules.
        title: Title of the document; made from the threads if not said.
        markdown: Whether the Markdown twin is written too.

    Returns:
        The file that was asked for.

    Raises:
        InputError: The file cannot be written.
        UsageError: No thread was given, or the rules cannot be read.
    """
    target = Path(path)
    said = incident(session, threads, content=content, redact_with=redact_with, title=title, output=target.name)
    with already_masked():
        files = _files(said, target, markdown=markdown)
    make_folder(target.parent)
    for name, text in files.items():
        replace_file(name, text)
    return target


def _files(said: Incident, target: Path, *, markdown: bool) -> dict[Path, str]:
    alone = target.suffix.lower() in (".md", ".markdown")
    files: dict[Path, str] = {}
    if alone or markdown:
        pictures = {
            target.with_name(f"{target.stem}-{place}.svg"): timeline_svg(one.timeline)
            for place, one in enumerate(said.threads, 1)
            if one.judged
        }
        names = [f"{target.stem}-{place}.svg" if one.judged else "" for place, one in enumerate(said.threads, 1)]
        twin = target if alone else target.with_suffix(".md")
        files[twin] = incident_markdown(said, names)
        files.update(pictures)
    if not alone:
        files[target] = incident_html(said)
    return files
