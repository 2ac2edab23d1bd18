#!/bin/sh
# An agent written in JavaScript that cuts a text in the middle of an emoji writes half a surrogate pair ("\ud83d")
# into its record. msgspec calls such a line "truncated", as if its end were missing; json.loads takes it, and DuckDB
# refuses it as malformed. Who takes "truncated" for a torn last line loses whole turns of a transcript.
# Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check msgspec==0.22.0 duckdb==2.0.1
"$folder/venv/bin/python" - "$folder" <<'PY'
import json, pathlib, sys
import duckdb, msgspec

line = b'{"type":"assistant","text":"cut \\ud83d"}'
assert json.loads(line)["type"] == "assistant"
try:
    msgspec.json.decode(line)
    sys.exit("msgspec reads half a surrogate pair now")
except msgspec.DecodeError as error:
    print("msgspec:", error)
    if "truncated" not in str(error):
        sys.exit("msgspec says something else now")
path = pathlib.Path(sys.argv[1], "record.jsonl")
path.write_bytes(line + b"\n")
columns = "columns={type: 'VARCHAR', text: 'VARCHAR'}, format='newline_delimited'"
try:
    duckdb.sql(f"from read_json('{path}', {columns})").fetchall()
    sys.exit("DuckDB reads half a surrogate pair now")
except duckdb.Error as error:
    print("DuckDB:", str(error).splitlines()[0])
PY
