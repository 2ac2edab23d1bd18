"""Incidents as rows, in SQL, in the audit and in the trends: the same ones everywhere, secrets masked."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from click.testing import CliRunner

from t3lens.commands import cli
from t3lens.document.audit import audit_schema
from t3lens.document.audit_filter import AuditFilter, chosen
from t3lens.document.formats import FORMATS
from t3lens.document.incidents import frame, ndjson_text, schema
from t3lens.fleet.one_home import audit_session
from t3lens.lens.lens import Lens, open_lens
from t3lens.lens.magic import t3sql
from t3lens.redact import Redactor
from tests.healed import KEY


def run(healed: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, [*words, str(healed), "--server", "alive", "--as-of", (healed / "now").read_text()])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def test_the_view_has_the_rows_of_the_table(healed_lens: Lens) -> None:
    rows = healed_lens.incidents()
    view = healed_lens.sql("FROM Incidents ORDER BY since, home_id, thread_id")
    assert len(rows) == 3
    assert list(view.incident_id) == list(rows.incident_id)
    assert [set(codes) for codes in view.codes] == [set(codes) for codes in rows.codes]
    for name, column in (("since", "from"), ("until", "to"), ("seen_until", "seen_until")):
        assert list(view[name].dt.tz_convert("UTC").astype(str)) == list(rows[column].astype(str))
    for name in ("verdict", "code", "ended_by", "duration_s", "turn_id", "message_id", "until_event_id", "confidence"):
        assert list(view[name].fillna("")) == list(rows[name].fillna("")), name
    magic = t3sql("", "select count(*) as n from incidents where until is null", {"lens": healed_lens})
    assert magic is not None
    assert list(magic.n) == [1]


def test_what_was_judged_anew_is_looked_for_anew(healed: Path) -> None:
    with open_lens(healed, server="alive", as_of=(healed / "now").read_text()) as lens:
        first = lens.session.incidents()
        again = lens.session.incidents()
        assert all(one is other for one, other in zip(first, again, strict=True))
        alone = lens.session.incidents(threads=[first[0].thread_id])
        assert alone == [one for one in first if one.thread_id == first[0].thread_id]
        lens.refresh()
        assert [one.incident_id for one in lens.session.incidents()] == [one.incident_id for one in first]
        assert not any(one is other for one, other in zip(first, lens.session.incidents(), strict=True))
        assert len(lens.sql("from incidents")) == len(first)


def test_the_command_masks_texts_and_keeps_ids(healed: Path, healed_lens: Lens) -> None:
    text = run(healed, "incidents", "--format", "json")
    rows = json.loads(text)
    jsonschema.validate(rows, schema())
    assert KEY not in text
    assert rows[0]["title"] == "Use ‹anthropic-key-1›"
    assert [row["thread_id"] for row in rows] == list(healed_lens.incidents().thread_id)
    assert all(piece["at"] is None or piece["at"].endswith("Z") for row in rows for piece in row["evidence"])
    one = run(healed, "incidents", "--format", "csv", "--thread", "Speed up").splitlines()
    assert [line.split(",")[5] for line in one[1:]] == ["failed"]
    found = healed_lens.session.incidents()
    assert KEY not in "".join(frame(found, Redactor()).to_string().split())
    assert [json.loads(line) for line in ndjson_text(found, Redactor()).splitlines()] == rows


def test_an_audit_since_a_time_lists_what_is_over(healed: Path, healed_lens: Lens) -> None:
    text = run(healed, "audit", "--format", "json", "--since", "2020-01-01")
    everything = json.loads(text)
    jsonschema.validate(everything, audit_schema())
    assert [row["incident_id"] for row in everything["incidents"]] == list(healed_lens.incidents().incident_id)
    assert KEY not in text
    table = run(healed, "audit", "--since", "2020-01-01")
    assert "3, of which 2 over" in table
    assert "at least" in table
    assert all(one in table for one in healed_lens.incidents().incident_id), "an id that is cut names no incident"


def test_a_part_of_the_audit_is_the_same_part_of_its_incidents(healed_lens: Lens) -> None:
    over = healed_lens.session.incidents()[0].until
    assert over is not None
    document = audit_session(healed_lens.session, None, over + 1).document
    assert [one.verdict for one in document.incidents] == ["failed", "stuck"]
    assert audit_session(healed_lens.session).document.incidents == ()
    only = chosen(document, AuditFilter(only=frozenset({"turn-failed"})))
    assert [one.code for one in only.incidents] == ["turn-failed"]
    assert chosen(document, AuditFilter(ignore=frozenset({"turn-failed"}))).incidents == document.incidents[1:]
    assert chosen(document, AuditFilter(providers=frozenset({"claude"}))).incidents == ()
    assert "Incidents since" in FORMATS["md"](document)
    assert "Incidents since" in FORMATS["html"](document)
    lines = [json.loads(line) for line in FORMATS["ndjson"](document).splitlines()]
    assert [line["incident_id"] for line in lines if line["kind"] == "incident"] == [
        one.incident_id for one in document.incidents
    ]


def test_several_processes_say_the_same(healed: Path) -> None:
    words = ("audit", "--format", "json", "--since", "2020-01-01")
    assert json.loads(run(healed, *words, "--jobs", "2")) == json.loads(run(healed, *words))


def test_trends_count_incidents_and_the_time_they_took(healed_lens: Lens) -> None:
    days = healed_lens.trends("day")
    assert list(days.incidents) == [2, 1]
    assert list(days.incidents_open) == [0, 1]
    codes = healed_lens.trends("code").set_index("code")
    assert 3000 < codes.loc["silent-turn"].longest_s < 3700
    assert codes.loc["turn-failed"].time_lost_s == 0
    assert codes.loc["turn-failed"].threads == 0
    assert codes.loc["none"].incidents == 0
    providers = healed_lens.trends(["provider", "version"])
    assert dict(zip(providers.provider, providers.incidents, strict=True)) == {"codex": 2, "opencode": 1}
