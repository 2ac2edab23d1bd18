#!/bin/sh
# One time beyond the year 9999 in a database or a log (a damaged cell, a sentinel) is a valid timestamp for Arrow, DuckDB
# and pandas. A UTC column that comes from Arrow bears zoneinfo's UTC, one that pandas localizes itself bears datetime's; both
# say that they are datetime64[us, UTC]. The first cannot be printed, written as CSV or shown as HTML: the whole table raises
# NotImplementedError. The second can.
# Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
import sys
import pyarrow as pa

AT = 3_093_527_980_800_000_000  # 100000-01-01, microseconds
times = pa.array([0, AT], pa.timestamp("us", tz="UTC"))
from_arrow = pa.table({"at": times, "n": [1, 2]}).to_pandas()
own = from_arrow.assign(at=from_arrow["at"].dt.tz_localize(None).dt.tz_localize("UTC"))
print("dtypes:", from_arrow["at"].dtype, own["at"].dtype, "equal" if from_arrow["at"].equals(own["at"]) else "unlike")
print(own)
own.to_csv()
for way in (repr, lambda table: table.to_csv(), lambda table: table.to_html()):
    try:
        way(from_arrow)
    except NotImplementedError as error:
        print("raised:", error)
    else:
        sys.exit("a far UTC time from Arrow can be shown now")
PY
