"""Evidence bundles: a thread's records as one small zip that can be opened like a home, redacted.

A bundle holds a small home for each home it is from (log lines, a ``state.sqlite`` with the rows of its threads) and
a manifest: what was found, at which moment, under which rules, and a checksum of every file. Opening one diagnoses
its records anew; ``write_bundle`` does that once itself, and takes in the whole home where the records of the chosen
threads alone do not lead to the same verdicts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import HomeDiagnosis, ThreadDiagnosis, diagnose
from t3lens.diagnose.wording import called
from t3lens.errors import UsageError
from t3lens.export.bundle_manifest import BUNDLE_VERSION, seal
from t3lens.export.bundle_open import MANIFEST, open_bundle
from t3lens.export.mini_home import write_home
from t3lens.redact import Redactor, load_rules
from t3lens.redact.keys import keys_in
from t3lens.scratch import temporary_folder
from t3lens.t3code.home_layout import USERDATA
from t3lens.time import iso
from t3lens.writing import make_folder, not_written, writing_file

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["BundleReport", "write_bundle"]

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The same records make the same bytes: files in the zip carry no time of their own."""

_Verdicts = Mapping[tuple[str, str], tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What was written.

    Attributes:
        path: The zip file.
        size: Its size in bytes.
        files: Number of files in it.
        threads: The threads that were chosen.
        whole_homes: Whether whole homes had to be taken in to lead to the same verdicts.
        reproduces: Whether the bundle leads to the same verdicts.
        maskings: How many maskings were made, by kind.
    """

    path: Path
    size: int
    files: int
    threads: tuple[str, ...]
    whole_homes: bool
    reproduces: bool
    maskings: dict[str, int]


def write_bundle(
    store: Store,
    homes: Sequence[HomeDiagnosis],
    threads: Sequence[ThreadDiagnosis],
    path: str | os.PathLike[str],
    *,
    version: str,
    content: bool = False,
    redact_with: str | os.PathLike[str] | None = None,
) -> BundleReport:
    """Write the records behind some threads as one zip file.

    Args:
        store: Where they were ingested; the log files themselves must still be readable.
        homes: The diagnosed homes the threads are from.
        threads: At least one.
        path: The file to write.
        version: Version of t3lens.
        content: Keep prompts, answers, tool arguments and outputs; secrets stay masked.
        redact_with: A TOML file of further masking rules.

    Raises:
        InputError: A log file is gone, or the zip cannot be written.
        UsageError: No thread was given, or the rules cannot be read.
    """
    if not threads:
        raise UsageError("a bundle needs at least one thread", code="nothing-to-bundle")
    rules = load_rules(redact_with) if redact_with is not None else None
    target = Path(path)
    wanted = {(one.home_id, one.thread_id): (one.verdict.value, one.primary) for one in threads}
    concerned = [h for h in homes if any(h.home.home_id == one.home_id for one in threads)]
    made = False
    for whole in (False, True):
        redactor = Redactor(content=content, rules=rules)
        redactor.keep_keys(key for one in threads for key in keys_in((one, one.case.facts)))
        with temporary_folder() as folder:
            described = []
            for number, home in enumerate(concerned):
                chosen = {one.thread_id for one in threads if one.home_id == home.home.home_id}
                taken = {one.thread_id for one in home.threads} if whole else chosen
                place = folder / f"homes/{number}/{USERDATA}"
                write_home(store, home, taken, place, redactor)
                described.append(_home(home, f"homes/{number}/{USERDATA}", chosen, redactor))
            manifest = {
                "bundle_version": BUNDLE_VERSION,
                "t3lens_version": version,
                "content": content,
                "whole_homes": whole,
                "homes": described,
                "threads": [_thread(one, redactor) for one in threads],
                "maskings": dict(sorted(redactor.counts.items())),
            }
            packed = folder / "packed.zip"  # checked before it gets its name
            files = _pack(folder, manifest, packed)
            made = _verdicts(packed) == wanted
            if made or whole:
                _copy_bundle(packed, target)
        if made:
            break
    return BundleReport(
        path=target,
        size=target.stat().st_size,
        files=files,
        threads=tuple(one.thread_id for one in threads),
        whole_homes=whole,
        reproduces=made,
        maskings=dict(sorted(redactor.counts.items())),
    )


def _home(home: HomeDiagnosis, place: str, threads: Iterable[str], redactor: Redactor) -> dict[str, Any]:
    context = home.context
    return {
        "home_id": home.home.home_id,
        "place": place,
        "path": redactor.text(home.home.path),
        "as_of": context.as_of,
        "server": {
            "status": context.server.status,
            "started_at": context.server.started_at,
            "version": context.server.version,
            "protocol": context.server.protocol,
            "why": redactor.text(context.server.why),
        },
        "rules": context.rules.name,
        "thresholds": {
            name: getattr(context.options.thresholds, name) for name in context.options.thresholds.__struct_fields__
        },
        "threads": sorted(threads),
        "quarantined": home.home.quarantined,
        "log_generation": home.home.generation,
        "migrations": home.home.migrations,
        "problems": [redactor.text(problem) for problem in home.home.file_problems],
        "not_checked": {check.code: check.why for check in home.checks if not check.checked},
    }


def _thread(thread: ThreadDiagnosis, redactor: Redactor) -> dict[str, Any]:
    # sentences call a thread by its title, which is written from what was asked
    title = redactor.said(thread.title or "", "title")
    by_title, as_shared = called(thread.title, thread.thread_id), called(title, thread.thread_id)
    return {
        "home_id": thread.home_id,
        "thread_id": thread.thread_id,
        "title": title,
        "verdict": thread.verdict.value,
        "primary": thread.primary,
        "since": iso(thread.since) if thread.since is not None else None,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "confidence": finding.confidence.value,
                "turn_id": finding.turn_id,
                "summary": redactor.text(finding.summary.replace(by_title, as_shared)),
            }
            for finding in thread.findings
        ],
    }


def _pack(folder: Path, manifest: dict[str, Any], target: Path) -> int:
    """Zip the folder with its manifest, in name order; returns the number of files."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    manifest["files"] = {
        name: {
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            "size": (folder / name).stat().st_size,
        }
        for name in names
    }
    text = json.dumps(seal(manifest), indent=1, ensure_ascii=False) + "\n"
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            packed.writestr(_entry(MANIFEST), text.encode(), zipfile.ZIP_DEFLATED)
            for name in names:
                packed.writestr(_entry(name), (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise not_written(target, error) from error
    return len(names) + 1


def _copy_bundle(packed: Path, target: Path) -> None:
    """Copy a finished bundle to where it is wanted."""
    make_folder(target.parent)
    with writing_file(target) as out, packed.open("rb") as source:
        shutil.copyfileobj(source, out)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry


def _verdicts(path: Path) -> _Verdicts:
    """What the bundle leads to, for the threads it is about."""
    from t3lens.ingest import discover, ingest
    from t3lens.store import Store

    with open_bundle(path) as bundle:
        store = Store.open(None)
        try:
            homes = discover([bundle.folder])
            ingest(store, homes)
            found = diagnose(store, [home.home_id for home in homes], bundle.options(), servers=bundle.servers())
        finally:
            store.close()
        return {
            (one.home_id, one.thread_id): (one.verdict.value, one.primary)
            for one in found.threads
            if (one.home_id, one.thread_id) in bundle.threads
        }
