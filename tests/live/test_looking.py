"""What the explorer offers for looking: notes, two threads on one axis, search in contents, one question a click."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t3lens.errors import UsageError
from t3lens.lens.lens import Lens, open_lens
from t3lens.live import explorer as module
from t3lens.live.explorer import Explorer
from t3lens.session.notes import add_note, notes_of, remove_note
from t3lens.store import Store
from t3lens.view.scene.common_axis import on_common_axis
from t3lens.view.scene.parts import Fold
from t3lens.view.timeline.data import TimelineIndex
from t3lens.view.timeline.scene import thread_scene
from tests.view.big import THREAD, big_log


@pytest.fixture
def shown(lens: Lens) -> Iterator[tuple[Explorer, list[dict[str, Any]]]]:
    explorer = Explorer(lens.session)
    sent: list[dict[str, Any]] = []
    explorer.send = lambda told, buffers=None: sent.append(told)  # type: ignore[method-assign]
    explorer._on_message({"do": "hello"})
    yield explorer, sent
    explorer.close()


def _key(explorer: Explorer) -> tuple[str, str]:
    assert explorer._chosen is not None
    return explorer._chosen


def test_a_note_is_kept_shown_and_told_in_the_report(lens: Lens, shown: Any) -> None:
    explorer, sent = shown
    home, thread = _key(explorer)
    explorer._on_message(
        {"do": "note", "at": lens.as_of, "text": " the <b>deploy</b> began ", "home": home, "thread": thread}
    )
    (note,) = notes_of(lens.store, home, thread)
    try:
        assert (note.about, note.text) == (lens.as_of, "the <b>deploy</b> began")
        view = [told["view"] for told in sent if "view" in told][-1]
        assert f"data-key='note:{note.note_id}'" in view["svg"] and "<b>" not in view["svg"]
        explorer._on_message({"do": "open", "key": f"note:{note.note_id}"})
        assert sent[-2]["record"]["title"] == "note"
        from t3lens.report import report_html, report_markdown

        diagnosed = [lens.session.thread(thread)]
        assert "the &lt;b&gt;deploy&lt;/b&gt; began" in report_html(lens.session, diagnosed)
        assert "deploy" in report_markdown(lens.session, diagnosed)
    finally:
        remove_note(lens.store, note.note_id)
    assert notes_of(lens.store, home, thread) == []


def test_a_thread_is_shown_before_its_past_is_judged_and_that_follows(
    lens: Lens, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer, sent = shown
    keep, seen = lens.session.keep_past, []

    def watched(thread_id: str) -> None:
        seen.append([told["view"]["thread"] for told in sent if "view" in told])
        keep(thread_id)

    monkeypatch.setattr(lens.session, "keep_past", watched)
    stuck = [one for one in lens.diagnosis.threads if one.primary == "orphaned-turn"]
    home, thread = next(key for one in stuck if (key := (one.home_id, one.thread_id)) != _key(explorer))
    sent.clear()
    for _ in range(2):
        explorer._on_message({"do": "thread", "home": home, "thread": thread})
    assert seen == [[thread]], "judged once, when the thread was on the screen"
    assert "data-key='incident:" in [told["view"] for told in sent if "view" in told][-1]["svg"]


def test_a_note_that_says_nothing_or_everything_is_refused(lens: Lens, shown: Any) -> None:
    home, thread = _key(shown[0])
    for text in (" \n", "x" * 2_001):
        with pytest.raises(UsageError):
            add_note(lens.store, home, thread, lens.as_of, text)


def test_what_is_asked_about_a_thread_that_is_not_shown_any_more_does_nothing(lens: Lens, shown: Any) -> None:
    explorer, sent = shown
    other = next(t for t in lens.diagnosis.threads if (t.home_id, t.thread_id) != _key(explorer))
    for message in ({"do": "note", "at": 0, "text": "x"}, {"do": "plan", "kind": "stop"}, {"do": "confirm", "plan": "p"}):
        sent.clear()
        explorer._on_message({**message, "home": other.home_id, "thread": other.thread_id})
        assert [list(told) for told in sent] == [["problem"]]
        assert "another thread" in sent[0]["problem"]
    assert notes_of(lens.store, other.home_id, other.thread_id) == []


def test_two_threads_stand_on_one_axis(lens: Lens, shown: Any) -> None:
    explorer, sent = shown
    first = _key(explorer)
    other = next(t for t in lens.diagnosis.threads if (t.home_id, t.thread_id) != first)
    explorer._on_message({"do": "pin", "on": True})
    explorer._on_message({"do": "thread", "home": other.home_id, "thread": other.thread_id})
    both = next(told for told in sent if told.get("beside"))
    assert both["view"]["whole"] == both["beside"]["whole"] and both["view"]["folds"] == both["beside"]["folds"]
    assert both["view"]["id"] != both["beside"]["id"] == "/".join(first)
    sent.clear()
    explorer._on_message({"do": "thread", "home": first[0], "thread": first[1]})
    assert {"beside": None} in sent, "the pinned thread itself is not shown twice, on two axes"
    explorer._on_message({"do": "pin", "on": False})
    assert {"pinned": None, "beside": None} in sent


def test_a_record_of_the_pinned_thread_leads_to_its_own(shown: Any, lens: Lens) -> None:
    explorer, sent = shown
    first = _key(explorer)
    other = next(t for t in lens.diagnosis.threads if (t.home_id, t.thread_id) != first)
    explorer._on_message({"do": "pin", "on": True})
    explorer._on_message({"do": "thread", "home": other.home_id, "thread": other.thread_id})
    index = explorer._index_of(first)
    key = next(mark.key for mark in index.view().marks if mark.key.startswith("log:"))
    sent.clear()
    explorer._on_message({"do": "open", "key": key, "at": None, "beside": True})
    record = sent[0]["record"]
    assert record["beside"] and record["mark"] == key
    near = next(one for one in record["neighbours"] if one["key"] and not one["chosen"])
    explorer._on_message({"do": "open", "key": near["key"], "at": None, "beside": True})
    assert sent[-1] == {"problem": None}


def test_a_note_can_be_deleted_only_while_its_thread_is_shown(lens: Lens, shown: Any) -> None:
    explorer, sent = shown
    home, thread = _key(explorer)
    other = next(t for t in lens.diagnosis.threads if (t.home_id, t.thread_id) != (home, thread))
    mine, foreign = (
        add_note(lens.store, *key, lens.as_of, "x") for key in ((home, thread), (other.home_id, other.thread_id))
    )
    explorer._on_message({"do": "forget", "key": f"note:{foreign.note_id}", "home": home, "thread": thread})
    explorer._on_message(
        {"do": "forget", "key": f"note:{foreign.note_id}", "home": other.home_id, "thread": other.thread_id}
    )
    assert "another thread" in sent[-1]["problem"]
    assert notes_of(lens.store, other.home_id, other.thread_id) == [foreign]
    explorer._on_message({"do": "forget", "key": f"note:{mine.note_id}", "home": home, "thread": thread})
    assert notes_of(lens.store, home, thread) == [] and {"forgotten": True} in sent
    assert "data-key='note:" not in [told["view"] for told in sent if "view" in told][-1]["svg"]
    lens.thread(other.thread_id).remove_note(foreign.note_id)
    assert notes_of(lens.store, other.home_id, other.thread_id) == []


def test_together_nothing_is_folded_in_which_either_has_something(lens: Lens) -> None:
    scenes = []
    for thread in lens.diagnosis.threads[:2]:
        index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
        scenes.append(thread_scene(index.view()))
        index.close()
    one, two = on_common_axis(*scenes)
    assert one.whole == two.whole == one.range and one.folds == two.folds
    moments = [at for scene in (one, two) for bar in scene.bars for at in (bar.start, bar.end)]
    assert not [at for at in moments for fold in one.folds if fold.start < at < fold.end]
    assert all(isinstance(fold, Fold) and fold.end > fold.start for fold in one.folds)


def test_a_search_in_contents_shows_no_content_that_was_not_asked_for(lens: Lens, shown: Any) -> None:
    explorer, sent = shown
    explorer._on_message({"do": "search", "text": "createdAt"})
    hits = next(told["hits"] for told in sent if "hits" in told)
    assert hits["rows"] and {"home", "thread", "at", "key"} <= set(hits["rows"][0])
    assert all(hit["text"].startswith("‹record, ") for hit in hits["rows"])
    assert {(hit["home"], hit["thread"]) for hit in hits["rows"]} <= {(home, thread) for home, thread, _ in hits["threads"]}
    assert sum(n for *_, n in hits["threads"]) >= len(hits["rows"]) > 0
    told = Explorer(lens.session, content=True)
    said: list[dict[str, Any]] = []
    told.send = lambda message, buffers=None: said.append(message)  # type: ignore[method-assign]
    told._on_message({"do": "search", "text": "createdAt"})
    told.close()
    assert any("createdAt" in hit["text"] for hit in said[0]["hits"]["rows"])


def _searched(explorer: Explorer, words: str) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    explorer.send = lambda message, buffers=None: said.append(message)  # type: ignore[method-assign]
    explorer._on_message({"do": "search", "text": words})
    return next(message["hits"] for message in said if "hits" in message)


def test_a_search_finds_what_a_log_without_a_database_says_and_masks_pieces_of_secrets_and_the_very_long(
    tmp_path: Path,
) -> None:
    path = big_log(tmp_path, 60)
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    lines = [{"type": "content.delta", "payload": {"streamKind": "assistant_text", "delta": part}}
             for part in ("here it is: ", secret[:15], secret[15:], ' and he said "hello wörld"\nso')]  # fmt: skip
    lines.append(
        {"type": "item.completed", "payload": {"itemType": "command_execution", "output": "needle " * 40_000 + secret}}
    )
    with path.open("a", encoding="utf-8") as log:
        for number, line in enumerate(lines):
            at = f"2026-07-06T09:10:0{number}.000Z"
            event = {
                "eventId": f"x{number}",
                "provider": "opencode",
                "threadId": THREAD,
                "createdAt": at,
                "itemId": "i9",
            } | line
            log.write(f"[{at}] CANON: {json.dumps(event, ensure_ascii=False)}\n")
    lens = open_lens(path)
    told, untold = Explorer(lens.session, content=True), Explorer(lens.session)
    try:
        for words in ('said "hello', "WÖRLD", 'wörld"\nso'):
            (hit,) = _searched(told, words)["rows"]
            assert "wörld" in hit["text"], words
            assert _searched(untold, words)["rows"][0]["text"].startswith("‹record, "), words
        pieces = [
            hit["text"] for hit in _searched(told, "content.delta")["rows"] + _searched(told, "assistant_text")["rows"]
        ]
        assert pieces and not any(secret[:15] in text or secret[15:] in text for text in pieces)
        assert [hit["text"] for hit in _searched(told, "needle")["rows"]] == [
            "‹record, 280,084 characters, too long to be shown here›"
        ]
        for words in ("%", "'; DROP TABLE verdicts; --", "$words", "x" * 5_000, "\\", "\x00"):
            assert len(_searched(told, words)["rows"]) <= 60, words
    finally:
        told.close()
        untold.close()


def test_a_click_on_a_finding_asks_for_its_record_once(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer, _ = shown
    asked: list[str] = []
    real = module.find_record

    def counted(store: Any, home: str, thread: str | None, key: str, **options: Any) -> Any:
        asked.append(key)
        return real(store, home, thread, key, **options)

    monkeypatch.setattr(module, "find_record", counted)
    explorer._on_message({"do": "next-finding"})
    assert len(asked) == 1


def test_looking_at_a_thread_again_writes_nothing(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer, _ = shown
    home, thread = _key(explorer)
    wrote: list[str] = []
    real = Store.write

    def counted(store: Store) -> Any:
        wrote.append("once")
        return real(store)

    monkeypatch.setattr(Store, "write", counted)
    explorer._indexes.clear()
    explorer._on_message({"do": "thread", "home": home, "thread": thread})
    assert wrote == []
