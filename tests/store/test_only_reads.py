"""A person's SQL reads: it changes nothing, in the store or beside it, and reaches no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from t3lens.errors import UsageError
from t3lens.store import Store, read_only

_SCHEMA = "SELECT table_name FROM duckdb_tables() ORDER BY 1"


@pytest.fixture(params=["in memory", "file", "file that is written to"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = Store.open(None if request.param == "in memory" else tmp_path / "store" / "s.duckdb")
    with made.write() as con:
        con.execute("INSERT INTO _meta VALUES ('kept', 'yes')")
    if request.param == "file that is written to":
        with made.writing() as session:
            session.connection()
            yield made
    else:
        yield made
    made.close()


_CHANGING = (
    "with gone as (delete from _meta returning *) from gone",
    "with new as (insert into _meta values ('a', 'b') returning *) select * from new",
    "with new as (update _meta set value = 'x' returning *) select * from new",
    "select * from (with gone as (delete from _meta returning *) from gone)",
    "select (with gone as (delete from _meta returning key) select count(*) from gone)",
    "explain analyze delete from _meta",
    "explain analyze copy _meta to '{out}'",
    "explain analyze create table t as select 1",
    "/* explain */ explain analyze with gone as (delete from _meta returning *) from gone",
    "-- explain\nexplain (analyze, format json) delete from _meta",
    "copy _meta to '{out}'",
    "export database '{out}'",
    "attach '{out}' as other",
    "create table t as select 1",
    "set threads = 1",
    "pragma enable_profiling",
    "call enable_logging('QueryLog', storage = 'file', storage_config = {{'path': '{out}'}})",
    "from enable_logging('QueryLog', storage = 'file', storage_config = {{'path': '{out}'}})",
    "select * from (from enable_logging('QueryLog'))",
    "from checkpoint()",
    "select nextval('_snapshot_ids')",
    "checkpoint",
    "install httpfs",
    "load httpfs",
    "begin",
    "select 1; delete from _meta",
)
_READING = (
    "from '{csv}'",
    'select * from "{csv}"',
    "from read_csv('{csv}')",
    "from read_text('{csv}')",
    "from read_blob('{csv}')",
    "from glob('{folder}/*')",
    "from sniff_csv('{csv}')",
    "from query('from read_text(''{csv}'')')",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "select * from homes where exists (from read_text('{csv}'))",
    "explain analyze from read_text('{csv}')",
    "from query_table('{csv}')",
    "from store",
)


@pytest.mark.parametrize("query", _CHANGING)
def test_nothing_is_changed(store: Store, query: str, tmp_path: Path) -> None:
    before = store.table("FROM _meta ORDER BY key").to_pylist(), store.table(_SCHEMA).to_pylist()
    settings = store.table("SELECT name, value FROM duckdb_settings() ORDER BY name").to_pylist()
    with pytest.raises(UsageError):
        read_only(store, query.format(out=tmp_path / "out"))
    assert (store.table("FROM _meta ORDER BY key").to_pylist(), store.table(_SCHEMA).to_pylist()) == before
    assert store.table("SELECT name, value FROM duckdb_settings() ORDER BY name").to_pylist() == settings
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("query", _READING)
def test_no_file_is_read(store: Store, query: str, tmp_path: Path) -> None:
    csv = tmp_path / "x.csv"
    csv.write_text("a\nsecret-word\n")
    with pytest.raises(UsageError) as refused:
        read_only(store, query.format(csv=csv, folder=tmp_path))
    assert "secret-word" not in str(refused.value)


def test_what_the_checks_let_through_cannot_write_either(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The transaction is the second line: a statement that the first one misses fails there."""
    monkeypatch.setattr("t3lens.store.query.refusal", lambda *_: None)
    with pytest.raises(UsageError, match="read"):
        read_only(store, "with gone as (delete from _meta returning *) from gone")
    with pytest.raises(UsageError, match="disabled"):
        read_only(store, f"from read_text('{tmp_path}/x.csv')")
    assert {"key": "kept", "value": "yes"} in store.table("FROM _meta").to_pylist()


@pytest.mark.parametrize(
    "query",
    [
        "from homes",
        "values (1), (2)",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 9) select sum(i) from n",
        "select * from range(3) join (select unnest([1, 2]) as range) using (range)",
        "describe homes",
        "show tables",
        "summarize homes",
        "explain from homes",
        " /* why */ explain analyze select count(*) from homes",
        "select * from duckdb_views() where not internal",
        "select j.value from json_each('{\"a\": 1}') as j",
        "(select 1) union all (select 2) order by 1 limit 1",
        "select row_number() over (order by 1), list_transform([1], lambda x: x + 1)",
    ],
)
def test_what_reads_is_answered(store: Store, query: str) -> None:
    assert list(read_only(store, query).columns)


def test_parameters_are_values(store: Store) -> None:
    assert read_only(store, "select value from _meta where key = ?", ["kept"]).value.tolist() == ["yes"]
    assert read_only(store, "select value from _meta where key = $key", {"key": "kept"}).value.tolist() == ["yes"]


def test_a_query_is_given_up_after_its_time(store: Store) -> None:
    with pytest.raises(UsageError, match=r"given up after 0\.2 s"):
        read_only(store, "select count(*) from range(1000000000) a, range(1000000000) b", timeout=0.2)
    assert read_only(store, "select 1 as one", timeout=60).one.tolist() == [1]


def test_every_table_function_that_may_be_asked_is_there() -> None:
    from t3lens.store.read_only import _TABLE_FUNCTIONS

    with duckdb.connect() as con:
        known = {name for (name,) in con.execute("select function_name from duckdb_functions()").fetchall()}
    assert known >= _TABLE_FUNCTIONS
