#!/bin/sh
# Severities of findings as an ordered categorical of pandas. DuckDB reads that column as an ENUM of the same order, and
# sorts by it as pandas does. The same comparison with the same word finds other rows: pandas takes the word for a category,
# DuckDB compares the two as texts, without a word. The word has to be cast to the type to be taken for one of it.
# Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import sys
import duckdb
import pandas as pd

ORDER = ["critical", "high", "medium", "low", "info"]
frame = pd.DataFrame({"severity": pd.Categorical(ORDER[::-1], ORDER, ordered=True)})
con = duckdb.connect()
con.register("findings", frame)


def rows(where: str) -> list[str]:
    return [row[0] for row in con.execute(f"select severity from findings {where} order by severity").fetchall()]


kind = con.execute("select typeof(severity) from findings limit 1").fetchall()[0][0]
in_pandas = frame[frame.severity <= "medium"].sort_values("severity").severity.tolist()
found, cast = rows("where severity <= 'medium'"), rows(f"where severity <= 'medium'::{kind}")
print("duckdb", duckdb.__version__, "pandas", pd.__version__, kind)
print("sorted by DuckDB:      ", rows(""))
print("pandas <= 'medium':    ", in_pandas)
print("DuckDB <= 'medium':    ", found)
print("DuckDB, the word cast: ", cast)
as_seen = rows("") == ORDER and in_pandas == cast == ORDER[:3] and found == ORDER
sys.exit(0 if as_seen else 1)
PY
