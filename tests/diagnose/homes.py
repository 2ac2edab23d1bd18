"""How these tests get from a home on disk to a diagnosis, and what they hold it to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from t3lens.diagnose import Diagnosis, Options, ServerSetting, ThreadDiagnosis, Thresholds, diagnose
from t3lens.domain.finding import Severity
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from t3lens.time import iso, parse_iso


def diagnosed(
    home: Path,
    *,
    as_of: str,
    server: str,
    rules: str | None = None,
    thresholds: Mapping[str, Any] | None = None,
    records: Path | None = None,
) -> Diagnosis:
    """Ingest a home into memory and diagnose it, with the agents' own records if they are said to be somewhere."""
    where = ("off",) if records is None else (str(records),)
    options = Options(
        as_of=parse_iso(as_of),
        server=ServerSetting(server),
        rules=rules,
        thresholds=Thresholds(**(thresholds or {})),
        records=where,
    )
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes, options=IngestOptions(records=where))
        return diagnose(store, [found.home_id for found in homes], options)


def by_id(diagnosis: Diagnosis) -> dict[str, ThreadDiagnosis]:
    return {thread.thread_id: thread for thread in diagnosis.threads}


def complaints(
    thread: ThreadDiagnosis,
    *,
    verdict: Iterable[str],
    must: Iterable[str] = (),
    never: Iterable[str] = (),
    quiet: bool = False,
) -> list[str]:
    """What about a thread's diagnosis is not as it should be, in words; nothing if all is right."""
    codes = {finding.code for finding in thread.findings}
    wrong = [] if thread.verdict in set(verdict) else [f"verdict {thread.verdict}, right is {verdict}"]
    wrong += [f"{code} is missing" for code in must if code not in codes]
    wrong += [f"{code} must not be there" for code in never if code in codes]
    if quiet:
        wrong += [f"{code} is noise" for code in loud(thread)]
    return wrong


def loud(thread: ThreadDiagnosis) -> list[str]:
    """Codes of the findings of severity medium and up."""
    return [f.code for f in thread.findings if f.severity.at_least(Severity.MEDIUM)]


def opencode_says(log: Path, at: int, kind: str, properties: dict[str, object], session: str | None = None) -> None:
    """Append a record of OpenCode, of the session the newest one was of unless another is named."""
    newest = [json.loads(line.partition(b" NTIVE: ")[2]) for line in log.read_bytes().splitlines() if b" NTIVE: " in line][
        -1
    ]
    event = dict(newest["event"])
    body = {"sessionID": session or event["providerThreadId"], **properties}
    event |= {
        "type": kind,
        "payload": {"id": "evt_1", "type": kind, "properties": body},
        "providerThreadId": body["sessionID"],
    }
    record = json.dumps({"observedAt": iso(at), "event": event})
    with log.open("a") as file:
        file.write(f"[{iso(at)}] NTIVE: {record}\n")
