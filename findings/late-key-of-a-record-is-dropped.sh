#!/bin/sh
# A coding agent's rollout says on the last line of a failed turn why it failed, under a key ("error") that no line
# before it has. DuckDB's read_json without columns looks at the first 20,480 lines, and drops every key inside an
# object that it first meets later, without a word: the failed turn reads like one that finished.
# Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
"$folder/venv/bin/python" - "$folder" <<'PY'
import json, pathlib, sys
import duckdb

path = pathlib.Path(sys.argv[1], "rollout.jsonl")
plain = json.dumps({"type": "event_msg", "payload": {"type": "token_count", "turn": "t"}})
failed = json.dumps({"type": "event_msg", "payload": {"type": "task_complete", "turn": "t", "error": {"message": "402"}}})
path.write_text((plain + "\n") * 30_000 + failed + "\n")
sql = "select payload from read_json('{}', format='newline_delimited'{}) where payload::varchar like '%task_complete%'"
inferred = str(duckdb.sql(sql.format(path, "")).fetchall())
given = str(duckdb.sql(sql.format(path, ", columns={type: 'VARCHAR', payload: 'JSON'}")).fetchall())
print("inferred:", inferred)
print("with columns:", given)
if "402" not in given:
    sys.exit("the key is lost with columns too")
if "402" in inferred:
    sys.exit("DuckDB keeps the late key now")
PY
