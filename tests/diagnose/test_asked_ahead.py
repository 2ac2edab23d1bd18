"""A large home is asked ahead, in a thread: it is judged as it is without, and what goes wrong is told."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from t3lens.diagnose import Diagnosis, Options, ServerSetting, diagnose, gatherer, queries
from t3lens.diagnose.asked_ahead import AskedAhead, ToAsk
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from t3lens.time import parse_iso

_SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"


def _asked(*statements: str, where: str | None = None) -> list[ToAsk]:
    return [ToAsk(statement, statement, {}, where) for statement in statements]


@pytest.mark.parametrize("sample", ["false-completed", "orphaned-by-restart", "retry-loop"])
def test_a_home_is_judged_the_same(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads((_SAMPLES / sample / "expected.json").read_text())
    monkeypatch.setattr("t3lens.diagnose.context.now", lambda: parse_iso(told["as_of"]))
    ahead: list[str] = []
    left: set[str] = set()
    answered, closed = AskedAhead.table, AskedAhead.close

    def table(self: AskedAhead, question: ToAsk) -> object:
        found = answered(self, question)
        if found is not None:
            ahead.append(question.query)
        return found

    def close(self: AskedAhead) -> None:
        left.update(self.left)
        closed(self)

    monkeypatch.setattr(AskedAhead, "table", table)
    monkeypatch.setattr(AskedAhead, "close", close)
    with closing(Store.open()) as store:
        homes = discover([_SAMPLES / sample])
        ingest(store, homes, options=IngestOptions(records=("off",)))

        def judged() -> Diagnosis:
            options = Options(server=ServerSetting.DEAD, records=("off",))
            return diagnose(store, [home.home_id for home in homes], options)

        at_once = judged()
        assert not ahead
        monkeypatch.setattr(gatherer, "_SMALL", 0)
        large = judged()
    assert len(ahead) > 10
    assert left <= {queries.SERVER_RUNS}, "asked for nothing, or with other parameters than are asked for later"
    assert [home.home for home in large.homes] == [home.home for home in at_once.homes]
    assert [thread.findings for thread in large.threads] == [thread.findings for thread in at_once.threads]


def _taken(answers: AskedAhead, *statements: str) -> list[object]:
    found = [answers.table(question) for question in _asked(*statements)]
    return [None if table is None else table.to_pydict() for table in found]


def test_what_is_asked_where_another_answer_says_so() -> None:
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        answers = AskedAhead(con, [*_asked("select true", "select false"), *_asked("select 1", where="select true")])
        assert _taken(answers, "select 1", "select true", "select true", "select 2") == [
            {"1": [1]},
            {"true": [True]},
            None,
            None,
        ]
        answers.close()
        others = AskedAhead(con, [*_asked("select false"), *_asked("select 1", where="select false")])
        assert _taken(others, "select 1") == [None]
        others.close()


def test_an_answer_is_given_only_to_the_same_question() -> None:
    with duckdb.connect() as con:
        asked = [ToAsk("of threads", "select $1", {"1": 5})]
        answers = AskedAhead(con, asked)
        assert answers.table(replace(asked[0], params={"1": 6})) is None
        assert answers.left == ["of threads"]
        table = answers.table(asked[0])
        assert table is not None and table.num_rows == 1
        answers.close()


def test_what_goes_wrong_is_told_to_whoever_takes_it_or_what_is_behind() -> None:
    with duckdb.connect() as con:
        answers = AskedAhead(con, _asked("select 1", "from nowhere", "select 2"))
        assert _taken(answers, "select 1") == [{"1": [1]}]
        for behind in ("select 2", "from nowhere"):
            with pytest.raises(duckdb.CatalogException):
                _taken(answers, behind)
        answers.close()


def test_what_nobody_waits_for_is_interrupted() -> None:
    with duckdb.connect() as con:
        answers = AskedAhead(con, _asked("select count(*) from range(1000000000000) as a where a.range % 7 = 8", "select 2"))
        answers.close()
        assert con.execute("select 3").fetchall() == [(3,)]
