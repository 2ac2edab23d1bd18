"""What is new since an older audit and what has vanished; documents of other builds; files that are no audits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t3lens.document.baseline import baseline_of, read_baseline, with_baseline
from t3lens.document.fail_on import fails
from t3lens.document.formats import FORMATS
from t3lens.document.model import AuditDocument, Novelty, json_values
from t3lens.errors import InputError
from tests.document.older import VANISHED, older


def written(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values))
    return path


def test_known_findings_do_not_fail(document: AuditDocument) -> None:
    assert list(fails(document))
    assert not list(fails(with_baseline(document, baseline_of(document))))


def test_new_and_vanished_findings_are_told(document: AuditDocument) -> None:
    compared = with_baseline(document, baseline_of(older(document)))
    worst = compared.threads[0]
    assert {finding.baseline for finding in worst.findings} == {Novelty.NEW}
    assert [gone.code for gone in compared.vanished] == [VANISHED]
    assert compared.vanished[0].thread_id == worst.thread_id
    assert {f.code for f in fails(compared)} <= {f.code for f in worst.findings}


def test_what_was_written_is_read_back(tmp_path: Path, document: AuditDocument) -> None:
    path = tmp_path / "old.json"
    path.write_text(FORMATS["json"](document))
    assert read_baseline(path) == baseline_of(document)


def test_a_document_of_another_build_is_read_as_far_as_both_know_it(tmp_path: Path, document: AuditDocument) -> None:
    values = json.loads(FORMATS["json"](document))
    values["roll_ups"] = {"something": "new"}
    del values["thresholds"]
    for home in values["homes"]:
        del home["server_why"], home["missing"]
        home["server"] = "asleep"
    for thread in values["threads"]:
        thread["verdict"] = "queued"
        for finding in thread["findings"]:
            finding["severity"] = "catastrophic"
            del finding["since_event_id"]
    found = read_baseline(written(tmp_path / "other.json", values))
    assert found == baseline_of(document)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1}', "no json"])
def test_a_file_that_is_no_audit_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"old\.json"):
        read_baseline(path)


def test_it_is_said_where_a_document_is_broken(tmp_path: Path, document: AuditDocument) -> None:
    values = json.loads(json.dumps(json_values(document)))
    values["threads"][0]["findings"][0]["turn_id"] = 7
    with pytest.raises(InputError, match=r"threads\[0\]\.findings\[0\]\.turn_id|turn_id"):
        read_baseline(written(tmp_path / "broken.json", values))


def test_a_later_schema_is_named(tmp_path: Path, document: AuditDocument) -> None:
    values = {**json_values(document), "schema_version": 2}
    with pytest.raises(InputError, match="newer t3lens"):
        read_baseline(written(tmp_path / "later.json", values))
