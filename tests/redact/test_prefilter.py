"""The quick look for what may hold a secret passes over nothing that would be masked."""

from __future__ import annotations

import json

import duckdb

from t3lens.redact import PLACES, Redactor
from t3lens.redact.prefilter import may_hold_secret
from tests.redact.corpus import innocent, planted


def test_whatever_is_masked_may_hold_a_secret() -> None:
    texts = [json.dumps(one.value, ensure_ascii=False) for one in planted(each=40, seed=11)] + innocent()
    masked = [Redactor(content=True, leave=PLACES).text(text) != text for text in texts]
    with duckdb.connect() as con:
        asked = con.execute("select regexp_matches(unnest($texts), $may)", {"texts": texts, "may": may_hold_secret()})
        found = [may for (may,) in asked.fetchall()]
    passed_over = [text for text, was, may in zip(texts, masked, found, strict=True) if was and not may]
    assert sum(masked) > 500
    assert passed_over == []


def test_what_holds_none_is_mostly_passed_over() -> None:
    with duckdb.connect() as con:
        asked = con.execute(
            "select count(*) filter (regexp_matches(text, $may)) from (select unnest($texts) as text)",
            {"texts": innocent(), "may": may_hold_secret()},
        )
        ((suspected,),) = asked.fetchall()
    assert suspected < len(innocent()) / 3
