"""Payloads of log lines come as one JSON list of what rules read, and mean what each key says by itself."""

from __future__ import annotations

import json

import duckdb
import pytest

from t3lens.diagnose import queries
from t3lens.diagnose.payloads import LoggedPayloads, stored_payloads
from t3lens.t3code.v1.event_types import MESSAGE_SENT, SESSION_SET

_STRANGE = [
    "a text",
    "",
    'ü ✓ 🙂 \u0000 \\ " / \n',
    "null",
    None,
    True,
    0,
    -1.50,
    1e300,
    2**63,
    2**70,
    [],
    [1, {"a": None}],
    {},
    {"b": {"c": "d"}, "e": [1.0, "ü"]},
]
_TEXT_OF_EACH = ", ".join(f"'$.{key}'" for key in queries.PAYLOAD_KEYS)


def _both(payload: str | None) -> tuple[dict[str, object], dict[str, object]]:
    """What is read of a payload, and what DuckDB itself says stands at each key."""
    con = duckdb.connect()
    listed, texts = con.execute(
        f"select {queries.some_of('p', queries.PAYLOAD_KEYS)}, json_extract_string(p, [{_TEXT_OF_EACH}]) "
        "from (select $p::json as p)",
        {"p": payload},
    ).fetchall()[0]
    expected: dict[str, object] = {}
    for key, text in zip(queries.PAYLOAD_KEYS, texts or [None] * len(queries.PAYLOAD_KEYS), strict=True):
        outer, _, inner = key.partition(".")
        if text is not None and inner:
            within = expected.setdefault(outer, {})
            assert isinstance(within, dict)
            within[inner] = text
        elif text is not None:
            expected[key] = text
    return LoggedPayloads().of(listed), expected


@pytest.mark.parametrize("value", _STRANGE, ids=lambda value: json.dumps(value)[:20])
def test_a_value_of_any_shape_is_read_as_its_text(value: object) -> None:
    read, expected = _both(json.dumps({"state": value, "message": "m", "detail": {"type": value}, "other": value}))
    assert read == expected
    assert read["message"] == "m"


@pytest.mark.parametrize(
    "payload", [None, "null", "1", "[]", "{}", '{"state": "a", "state": "b"}', '{"detail": [{"type": "x"}]}']
)
def test_a_payload_of_any_shape_is_read(payload: str | None) -> None:
    read, expected = _both(payload)
    assert read == expected


def test_lines_that_say_the_same_share_what_they_say() -> None:
    payloads = LoggedPayloads()
    text = json.dumps(["running"] + [None] * (len(queries.PAYLOAD_KEYS) - 1))
    assert payloads.of(text) is payloads.of(str(text.encode(), "utf-8"))
    assert payloads.of(text) == {"state": "running"}


def test_a_stored_payload_that_is_no_object_says_nothing() -> None:
    assert stored_payloads([SESSION_SET, SESSION_SET], ["[1]", '{"session": 1}']) == [{}, {"session": 1}]


@pytest.mark.parametrize("other", ["{", "1\n2", " ", "", None, "1,2", "1],[2", "[1", "1\n", "\n", "[" * 5000])
def test_a_stored_payload_says_nothing_of_another_one(other: str | None) -> None:
    kinds = [SESSION_SET, MESSAGE_SENT, SESSION_SET, SESSION_SET]
    values = [str(number) for number in range(len(queries.STORED_KEYS[MESSAGE_SENT]))]
    said = stored_payloads(kinds, ['{"session": 1}', json.dumps(values), other, '{"session": 2}'])
    assert said == [{"session": 1}, dict(zip(queries.STORED_KEYS[MESSAGE_SENT], values, strict=True)), {}, {"session": 2}]
