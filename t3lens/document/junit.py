"""The audit as JUnit XML: a suite for each home, a case for each thread, for test reports of CI systems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree as ET

from t3lens.document.by_home import by_home
from t3lens.document.fail_on import failing, threshold
from t3lens.document.incidents import incident_length
from t3lens.document.model import AuditDocument, FailOn, FindingEntry, HomeEntry, IncidentEntry, ThreadEntry
from t3lens.document.rows import DiskRows
from t3lens.view.page.escape import plain

__all__ = ["audit_junit", "junit_pieces"]

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def audit_junit(document: AuditDocument) -> str:
    """JUnit XML. A thread with a failing finding is a failure; one that nothing is known of is skipped; a home that
    cannot be judged is an error. An incident, where they were asked for, is a case of its own that fails nothing.

    Args:
        document: As ``audit_document`` makes it; its ``fail_on`` tells which findings fail.
    """
    return "".join(junit_pieces(document))


def junit_pieces(document: AuditDocument) -> Iterator[str]:
    """The same, a suite at a time: the suites wait on the disk for the numbers that stand before them."""
    fail_on = threshold(document)
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    texts = DiskRows(str)
    for suite in _suites(document, fail_on):
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
        ET.indent(suite, level=1)
        texts.append(f"  {ET.tostring(suite, encoding='unicode')}\n")
    root = ET.Element("testsuites", name="t3lens audit")
    for name, number in totals.items():
        root.set(name, str(number))
    root.set("time", "0")
    root.text = "\n"
    start, end = ET.tostring(root, encoding="unicode").split("\n")
    yield from ('<?xml version="1.0" encoding="UTF-8"?>\n', start, "\n")
    yield from texts
    yield from (end, "\n")


def _suites(document: AuditDocument, fail_on: FailOn) -> Iterator[ET.Element]:
    threads, incidents = by_home(document.threads), by_home(document.incidents)
    for home in document.homes:
        yield _suite(home, threads(home.home_id), incidents(home.home_id), document, fail_on)
    for problem in document.errors:
        suite = ET.Element(
            "testsuite", name=_text(problem.path, 300), tests="1", failures="0", errors="1",
            skipped="0", time="0", timestamp=_timestamp(document.as_of), hostname="localhost",
        )  # fmt: skip
        case = ET.SubElement(suite, "testcase", classname="home", name="can be read", time="0")
        error = ET.SubElement(case, "error", type="unreadable", message=_text(problem.message, 300))
        error.text = _text(problem.message, 2000)
        yield suite


def _suite(
    home: HomeEntry,
    threads: Sequence[ThreadEntry],
    incidents: Iterable[IncidentEntry],
    document: AuditDocument,
    fail_on: FailOn,
) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(home.path, 300))
    properties = ET.SubElement(suite, "properties")
    for name, value in (("home_id", home.home_id), ("server", home.server), ("rules", home.rules)):
        ET.SubElement(properties, "property", name=name, value=_key(value))
    ET.SubElement(properties, "property", name="fail_on", value=fail_on)
    if document.baseline is not None:
        _count_news(properties, [home, *threads], document)
    for text in home.beyond_known:
        ET.SubElement(properties, "property", name="beyond_known", value=_text(text, 500))
    reason = home.cannot_judge
    if reason is not None:
        case = ET.SubElement(suite, "testcase", classname="home", name="can be judged", time="0")
        error = ET.SubElement(case, "error", type="cannot-judge", message=_text(reason, 500))
        error.text = _text(reason, 2000)
    _case(suite, "home", "home-wide", home, fail_on)
    for thread in threads:
        title = f"{_text(thread.title, 200)} " if thread.title else ""
        _case(suite, f"{thread.provider or 'thread'}", f"{title}({_key(thread.thread_id)})", thread, fail_on)
    for one in incidents:
        _incident(suite, one)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("time", "0")
    suite.set("timestamp", _timestamp(home.as_of or document.as_of))
    suite.set("hostname", "localhost")
    return suite


def _count_news(properties: ET.Element, here: Sequence[HomeEntry | ThreadEntry], document: AuditDocument) -> None:
    """How many findings of a home are new, gone and known, and which are gone."""
    findings = [finding for place in here for finding in place.findings]
    gone = [one for one in document.vanished if one.home_id == here[0].home_id]
    for name, number in (
        ("new", sum(not one.known for one in findings)),
        ("gone", len(gone)),
        ("known", sum(one.known for one in findings)),
    ):
        ET.SubElement(properties, "property", name=name, value=str(number))
    for one in gone:
        value = f"{_text(one.code, 60)} {_key(one.thread_id or 'home')}"
        ET.SubElement(properties, "property", name="gone_finding", value=value)


def _case(suite: ET.Element, classname: str, name: str, place: HomeEntry | ThreadEntry, fail_on: FailOn) -> None:
    findings = place.findings
    verdict, stands_at = (place.verdict, place.thread_id) if isinstance(place, ThreadEntry) else ("", place.home_id)
    case = ET.SubElement(suite, "testcase", classname=_key(classname), name=name, time="0")
    bad = [finding for finding in findings if failing(finding, place, fail_on)]
    if bad:
        first = bad[0]
        failure = ET.SubElement(case, "failure", type=first.code, message=_text(first.summary, 500))
        failure.text = "\n\n".join(_description(finding) for finding in bad)
    elif verdict == "unknown":
        ET.SubElement(case, "skipped", message="too little is known of this thread")
    rest = [finding for finding in findings if finding not in bad]
    if rest or verdict:
        out = ET.SubElement(case, "system-out")
        lines = [f"verdict: {verdict}", f"id: {_key(stands_at)}"] if verdict else []
        out.text = "\n".join([*lines, *(_description(finding) for finding in rest)])


def _incident(suite: ET.Element, one: IncidentEntry) -> None:
    """What was wrong at some time, as a case that fails nothing: what is wrong now fails at its thread."""
    title = f"{_text(one.title, 200)} " if one.title else ""
    name = f"{one.incident_id}: {one.code}, {title}({_key(one.thread_id)})"
    case = ET.SubElement(suite, "testcase", classname="incident", name=_key(name), time="0")
    over = f"over since {one.until}, ended by: {one.ended_by}" if one.until is not None else "it goes on"
    lines = [f"was: {one.verdict}", f"from: {one.since}", over, f"for: {incident_length(one)}", _text(one.summary, 1000)]
    ET.SubElement(case, "system-out").text = "\n".join(lines)


def _description(finding: FindingEntry) -> str:
    known = f" ({finding.baseline})" if finding.baseline is not None else ""
    lines = [
        f"{finding.severity}, {finding.confidence}: {finding.code}{known}",
        _text(finding.summary, 1000),
        _text(finding.explanation, 2000),
        f"remedy: {finding.remedy}",
    ]
    if finding.since:
        lines.append(f"since: {finding.since}")
    for piece in finding.evidence:
        place = _key(piece.source) + (f":{piece.line}" if piece.line else "")
        lines.append(f"evidence: {piece.kind} {place} {_text(piece.excerpt, 300)}".rstrip())
    return "\n".join(lines)


def _key(text: str) -> str:
    """An id or a path, whole; XML has no form for control characters."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _text(value: object, limit: int) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", plain(value, limit))


def _timestamp(text: str) -> str:
    """Without zone and fraction, as JUnit readers expect it; UTC."""
    return text[:19]
