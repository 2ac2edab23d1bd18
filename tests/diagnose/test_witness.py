"""The agents' own records beside a home: what they add to a verdict, and when they must say nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from t3lens.cli import run
from t3lens.diagnose import Options, ServerSetting, ThreadDiagnosis, diagnose
from t3lens.diagnose.changes import mark, threads_since
from t3lens.diagnose.story import divergence
from t3lens.domain.finding import Confidence, EvidenceKind
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.sim import SecondHome, SimHome
from t3lens.sim.scenarios import Expect, ToldStory, build_home
from t3lens.sim.script import Hang, Say, Tool
from t3lens.store import Store
from t3lens.time import SECOND, Micros, iso, parse_iso

SESSION = "01a22504-b44e-7a81-87f1-f47d7cf1bbc8"
CURSORS = {
    "codex": ("codex", {"threadId": SESSION}),
    "claude": ("claudeAgent", {"threadId": "t3s-own", "resume": SESSION}),
    "opencode": ("opencode", {"schemaVersion": 1, "sessionId": "ses_ddaf71077ffecYucKNapyzQAxM"}),
}


@dataclass
class Working:
    """A simulated home with one turn at work, and a folder for the record of its agent."""

    home: Path
    records: Path
    agent: str
    thread_id: str
    turn_id: str
    asked: Micros
    as_of: Micros
    cwd: str | None

    def judged(self, *records: str) -> ThreadDiagnosis:
        with closing(Store.open()) as store:
            return self.read_into(store, *records)

    def read_into(self, store: Store, *records: str) -> ThreadDiagnosis:
        where = records or (str(self.records),)
        homes = discover([self.home])
        ingest(store, homes, options=IngestOptions(server="alive", records=where))
        options = Options(as_of=self.as_of, server=ServerSetting.ALIVE, records=where)
        threads = diagnose(store, [homes[0].home_id], options).threads
        return next(one for one in threads if one.thread_id == self.thread_id)

    def rollout(self, *events: tuple[Micros, dict[str, Any]], cwd: str | None = None) -> Path:
        folder = self.records / "sessions" / "2026" / "07" / "06"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"rollout-2026-07-06T09-00-00-{SESSION}.jsonl"
        meta = {"id": SESSION, "timestamp": iso(self.asked), "cli_version": "0.146.0", "cwd": cwd or self.cwd}
        lines = [{"timestamp": iso(self.asked), "type": "session_meta", "payload": meta}]
        lines += [{"timestamp": iso(at), "type": "event_msg", "payload": e} for at, e in events]
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        return path

    def started(self, turn: str | None = None, after: int = 0) -> tuple[Micros, dict[str, Any]]:
        event = {"type": "task_started", "turn_id": turn or self.turn_id}
        return (self.asked + after * SECOND, event)

    def complete(self, after: int, **more: object) -> tuple[Micros, dict[str, Any]]:
        event = {
            "type": "task_complete",
            "turn_id": self.turn_id,
            "last_agent_message": "x",
            **more,
        }
        return (self.asked + after * SECOND, event)


def working(folder: Path, agent: str) -> Working:
    provider, cursor = CURSORS[agent]
    told = build_home(folder / "home", "working", provider=provider)
    database = next((folder / "home").rglob("state.sqlite"))
    thread = next(iter(told.threads))
    with closing(sqlite3.connect(database)) as con:
        con.execute(
            "UPDATE provider_session_runtime SET resume_cursor_json = ? WHERE thread_id = ?",
            (json.dumps(cursor), thread),
        )
        turn = con.execute(
            "SELECT active_turn_id FROM projection_thread_sessions WHERE thread_id = ?", (thread,)
        ).fetchone()[0]
        asked, payload = con.execute(
            "SELECT requested_at, runtime_payload_json FROM projection_turns JOIN "
            "provider_session_runtime USING (thread_id) WHERE turn_id = ?",
            (turn,),
        ).fetchone()
        con.commit()
    records = folder / "agent"
    records.mkdir()
    cwd = json.loads(payload).get("cwd")
    return Working(folder / "home", records, agent, thread, turn, parse_iso(asked), parse_iso(told.as_of), cwd)


@pytest.fixture
def codex(tmp_path: Path) -> Working:
    return working(tmp_path, "codex")


def codes(thread: ThreadDiagnosis) -> set[str]:
    return {finding.code for finding in thread.findings}


def finding(thread: ThreadDiagnosis, code: str) -> Any:
    return next(one for one in thread.findings if one.code == code)


WITNESSED = {"provider-ended", "provider-cut"}
_ANY = Expect(verdict=())


def test_an_end_that_t3_code_missed_is_found(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    thread = codex.judged()
    found = finding(thread, "provider-ended")
    assert (thread.verdict, found.confidence) == ("stuck", Confidence.CERTAIN)
    assert found.turn_id == codex.turn_id
    first = found.evidence[0]
    assert (first.kind, first.line) == (EvidenceKind.RECORD, 3)
    assert first.source.endswith(".jsonl") and first.offset


def test_a_failure_is_told_with_its_error(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3, error={"message": "no credit"}))
    assert "failed (no credit)" in finding(codex.judged(), "provider-ended").summary


def test_an_abort_that_nobody_asked_for_is_told_to_be_one(codex: Working) -> None:
    aborted = {"type": "turn_aborted", "turn_id": codex.turn_id, "reason": "interrupted"}
    codex.rollout(codex.started(), (codex.asked + 3 * SECOND, aborted))
    said = finding(codex.judged(), "provider-ended")
    assert "was aborted" in said.summary and "Nobody asked T3 Code to stop it" in said.explanation
    with closing(sqlite3.connect(next(codex.home.rglob("state.sqlite")))) as con, con:
        last = "(SELECT max(sequence) FROM orchestration_events WHERE event_type = 'thread.activity-appended')"
        con.execute(
            "UPDATE orchestration_events SET event_type = 'thread.turn-interrupt-requested', occurred_at = ? "
            f"WHERE sequence = {last}",
            (iso(codex.asked + 2 * SECOND),),
        )
    assert "Nobody asked" not in finding(codex.judged(), "provider-ended").explanation


def test_a_turn_that_died_is_found(codex: Working) -> None:
    codex.rollout(codex.started(), codex.started("another", 3))
    found = finding(codex.judged(), "provider-cut")
    assert (found.confidence, found.makes) == (Confidence.CERTAIN, "stuck")
    after, begun = (one.excerpt for one in found.evidence[:2])
    assert after == f"task_started of another turn, which came after turn {codex.turn_id}: cut"
    assert begun == f"task_started of turn {codex.turn_id}: cut"


def test_an_open_turn_proves_nothing(codex: Working) -> None:
    codex.rollout(codex.started())
    assert not codes(codex.judged()) & WITNESSED


@pytest.mark.parametrize("ago", [0, 5])
def test_an_end_just_now_may_be_on_its_way(codex: Working, ago: int) -> None:
    since = (codex.as_of - codex.asked) // SECOND - ago
    codex.rollout(codex.started(), (codex.as_of - ago * SECOND, codex.complete(since)[1]))
    assert not codes(codex.judged()) & WITNESSED
    codex.rollout(codex.started(), (codex.as_of - ago * SECOND, codex.started("another")[1]))
    assert not codes(codex.judged()) & WITNESSED


def test_a_doubtful_end_is_a_doubtful_finding(codex: Working) -> None:
    path = codex.rollout(codex.started(), codex.complete(3, last_agent_message=None))
    path.write_text(path.read_text().replace("0.146.0", "0.128.0"))
    found = finding(codex.judged(), "provider-ended")
    assert found.confidence is Confidence.POSSIBLE and "no answer" in found.explanation


def test_a_record_of_another_thread_says_nothing(codex: Working) -> None:
    path = codex.rollout(codex.started("other"), codex.complete(3, turn_id="other"))
    assert not codes(codex.judged()) & WITNESSED
    path.rename(path.with_name(path.name.replace(SESSION, "01a22504-0000-7000-8000-000000000000")))
    thread = codex.judged()
    assert not codes(thread) & WITNESSED
    record = thread.case.facts.record
    assert record is not None and (record.state, record.turns) == ("absent", ())


def test_a_record_of_another_folder_is_not_joined(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3), cwd="/somewhere/else")
    record = codex.judged().case.facts.record
    if codex.cwd is not None:
        assert record is not None and record.state == "absent" and "another folder" in record.why


def test_turned_off_nothing_is_looked_for(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    thread = codex.judged("off")
    assert thread.case.facts.record is None and not codes(thread) & WITNESSED


def test_by_itself_the_agents_own_home_is_looked_in(codex: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    monkeypatch.setenv("CODEX_HOME", str(codex.records))
    assert "provider-ended" in codes(codex.judged("auto"))
    monkeypatch.setenv("CODEX_HOME", str(codex.home))
    assert not codes(codex.judged("auto")) & WITNESSED


def test_what_changed_is_read_again_and_what_did_not_is_not(codex: Working) -> None:
    path = codex.rollout(codex.started())
    old = path.stat().st_mtime_ns - 3600 * 10**9
    os.utime(path, ns=(old, old))
    count = "select read_at from _provider_records"
    with closing(Store.open()) as store:
        assert not codes(codex.read_into(store)) & WITNESSED
        before, read = mark(store), store.table(count).to_pylist()
        codex.read_into(store)
        assert store.table(count).to_pylist() == read
        assert threads_since(store, before) == []
        codex.rollout(codex.started(), codex.complete(3))
        os.utime(path, ns=(old + 10**9, old + 10**9))
        while threads_since(store, before) == []:  # one that grows is given a rest
            thread = codex.read_into(store)
        assert "provider-ended" in codes(thread)
        path.unlink()
        record = codex.read_into(store).case.facts.record
        assert record is not None and record.state == "absent"
        assert store.table("from record_turns").num_rows == 0


def test_nothing_is_written_beside_a_record(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    before = {p: p.lstat().st_mtime_ns for p in codex.records.rglob("*")}
    codex.judged()
    assert {p: p.lstat().st_mtime_ns for p in codex.records.rglob("*")} == before


def test_a_transcript_that_grew_is_no_silence(codex: Working) -> None:
    codex.rollout(codex.started())
    late = codex.as_of + 4000 * SECOND
    codex.as_of = late
    assert "silent-turn" in codes(codex.judged())
    codex.rollout(codex.started(), (late - 10 * SECOND, {"type": "token_count"}))
    assert "silent-turn" not in codes(codex.judged())


def test_the_record_is_one_of_the_truths(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    told = divergence(codex.judged())
    truth = told.truths[-1]
    assert told.between == ("record", "stored")
    assert (truth.source, truth.status, truth.turn_id) == ("record", "finished", codex.turn_id)
    absent = divergence(codex.judged(str(codex.home))).truths[-1]
    assert absent.status is None and "none found" in absent.note


def test_the_command_line_looks_where_it_is_told(
    codex: Working, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codex.rollout(codex.started(), codex.complete(3))
    audit = ["audit", str(codex.home), "--server", "alive", "--as-of", iso(codex.as_of), "--format", "json"]
    assert run([*audit, "--records", str(codex.records)]) == 1
    document = json.loads(capsys.readouterr().out)
    kinds = {e["kind"] for t in document["threads"] for f in t["findings"] for e in f["evidence"]}
    assert "record" in kinds
    assert run([*audit, "--records", "off"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("T3LENS_RECORDS", str(codex.records))
    assert run(audit) == 1
    capsys.readouterr()
    assert run([*audit, "--records", "nowhere"]) == 2
    assert "there is no nowhere" in capsys.readouterr().err
    assert run([*audit, "--records", "auto", "--records", "off"]) == 2


SECRET = "sk-ant-api03-" + "Zx9Qw3Er5Ty7Ui1Op2As4Df6Gh8Jk0Lz" * 2


def test_secrets_in_an_agents_error_never_reach_the_store(codex: Working) -> None:
    codex.rollout(codex.started(), codex.complete(3, error={"message": f"402 for {SECRET}"}))
    with closing(Store.open()) as store:
        summary = finding(codex.read_into(store), "provider-ended").summary
        assert "402 for" in summary and SECRET not in summary
        assert SECRET not in str(store.table("from record_turns").to_pylist())


@pytest.mark.parametrize("story", ["healthy", "working", "waiting-for-user", "short-and-healthy"])
def test_faithful_records_raise_no_alarm(story: str, tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", story, provider="codex")
    database = next((tmp_path / "home").rglob("state.sqlite"))
    ends = {"completed": "task_complete", "error": "task_complete", "interrupted": "turn_aborted"}
    folder = tmp_path / "records"
    folder.mkdir()
    with closing(sqlite3.connect(database)) as con:
        for number, thread in enumerate(told.threads):
            session = f"01a22504-b44e-7a81-87f1-{number:012}"
            con.execute(
                "UPDATE provider_session_runtime SET resume_cursor_json = ?, provider_name = 'codex' WHERE thread_id = ?",
                (json.dumps({"threadId": session}), thread),
            )
            lines = [{"type": "session_meta", "payload": {"id": session, "cli_version": "0.171.0"}}]
            for turn, state, began, done in con.execute(
                "SELECT turn_id, state, requested_at, completed_at FROM projection_turns "
                "WHERE thread_id = ? AND turn_id IS NOT NULL ORDER BY requested_at",
                (thread,),
            ).fetchall():
                body: dict[str, Any] = {"type": "task_started", "turn_id": turn}
                lines.append({"timestamp": began, "type": "event_msg", "payload": body})
                if state in ends:
                    end = {"type": ends[state], "turn_id": turn, "last_agent_message": "x"}
                    lines.append({"timestamp": done, "type": "event_msg", "payload": end})
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / f"rollout-2026-07-06T09-00-00-{session}.jsonl").write_text(text)
        con.commit()
    with closing(Store.open()) as store:
        homes = discover([tmp_path / "home"])
        ingest(store, homes, options=IngestOptions(server=told.server, records=(str(folder),)))
        options = Options(as_of=parse_iso(told.as_of), server=ServerSetting(told.server))
        threads = diagnose(store, [homes[0].home_id], options).threads
        assert [row["state"] for row in store.table("from provider_records").to_pylist()]
    assert {code for thread in threads for code in codes(thread) & WITNESSED} == set()


def test_claude_is_joined_by_time(tmp_path: Path) -> None:
    claude = working(tmp_path, "claude")
    folder = claude.records / "projects" / "-p"
    folder.mkdir(parents=True)

    def line(kind: str, after: float, **message: object) -> dict[str, object]:
        at = iso(claude.asked + int(after * SECOND))
        return {"type": kind, "uuid": f"u{after}", "parentUuid": None, "isSidechain": False,
                "sessionId": SESSION, "timestamp": at, "cwd": claude.cwd,
                "message": {"role": kind, **message}}  # fmt: skip

    path = folder / f"{SESSION}.jsonl"
    before = [line("user", -50, content="old"), line("assistant", -49, content=[], model="m", stop_reason="end_turn")]
    now = [line("user", 0.2, content="go")]
    end = [line("assistant", 3, content=[], model="m", stop_reason="end_turn")]

    def write(*lines: dict[str, object]) -> None:
        path.write_text("".join(json.dumps(one) + "\n" for one in lines))

    write(*before)
    assert not codes(claude.judged()) & WITNESSED
    write(*before, *now)
    assert not codes(claude.judged()) & WITNESSED
    write(*before, *now, *end)
    found = finding(claude.judged(), "provider-ended")
    assert found.confidence is Confidence.LIKELY and "by its time" in found.explanation
    agents = folder / SESSION / "subagents"
    agents.mkdir(parents=True)
    (agents / "agent-1.meta.json").write_text("{}")
    os.utime(path)
    assert not codes(claude.judged()) & WITNESSED


def test_opencode_is_joined_by_time(tmp_path: Path) -> None:
    opencode = working(tmp_path, "opencode")
    session = CURSORS["opencode"][1]["sessionId"]
    with closing(sqlite3.connect(opencode.records / "opencode.db")) as con:
        con.execute("CREATE TABLE session (id, directory, time_created)")
        con.execute("CREATE TABLE message (id, session_id, time_created, data)")
        con.execute("CREATE TABLE part (id, message_id, time_created, data)")
        asked = opencode.asked // 1000
        con.execute("INSERT INTO session VALUES (?, ?, ?)", (session, opencode.cwd, asked - 9))
        for key, data in (
            ("msg_1", {"role": "user", "time": {"created": asked + 100}}),
            ("msg_2", {"role": "assistant", "parentID": "msg_1", "finish": "stop",
                       "time": {"created": asked + 200, "completed": asked + 3000}}),
        ):  # fmt: skip
            con.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?)",
                (key, session, data["time"]["created"], json.dumps(data)),  # type: ignore[index]
            )
        con.commit()
    found = finding(opencode.judged(), "provider-ended")
    assert found.confidence is Confidence.LIKELY
    assert found.evidence[0].key == "msg_2"


# --- the second witness, in homes whose agents keep records by the same story ---------------------------------------


def judge(home: Path, told: Any, records: Path, **options: Any) -> ThreadDiagnosis:
    """The one thread a story is about."""
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes, options=IngestOptions(server=told.server, records=(str(records),)))
        for statement in options.pop("meanwhile", ()):
            with store.write() as con:
                con.execute(statement)
        how = Options(as_of=parse_iso(told.as_of), server=ServerSetting(told.server), **options)
        threads = diagnose(store, [homes[0].home_id], how).threads
        return next(one for one in threads if one.thread_id in told.threads)


def told_with_records(name: str, tmp_path: Path, **how: Any) -> Any:
    return build_home(tmp_path / "home", name, records=tmp_path / "agents", **how)


@pytest.mark.parametrize("provider", ["codex", "claudeAgent", "opencode"])
def test_what_the_database_said_before_the_end_says_nothing_of_it(provider: str, tmp_path: Path) -> None:
    told = told_with_records("provider-ended", tmp_path, provider=provider)
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "provider-ended")
    early = f"UPDATE _snapshots SET last_seen_at = make_timestamptz({found.since + 3 * SECOND})"
    assert not codes(judge(tmp_path / "home", told, tmp_path / "agents", meanwhile=[early])) & WITNESSED


def test_a_build_that_keeps_no_cursor_of_opencode_names_its_session_in_the_log(tmp_path: Path) -> None:
    told = told_with_records("provider-ended", tmp_path, provider="opencode", build="0.0.23")
    thread = judge(tmp_path / "home", told, tmp_path / "agents")
    assert finding(thread, "provider-ended").makes == "stuck"
    record = judge(tmp_path / "home", told, tmp_path / "home").case.facts.record
    assert record is not None and record.state == "absent"


def test_a_second_witness_makes_surer(tmp_path: Path) -> None:
    told = told_with_records("native-terminal-lost", tmp_path, provider="codex")
    alone = finding(judge(tmp_path / "home", told, tmp_path / "nowhere"), "native-terminal-lost")
    both = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "native-terminal-lost")
    assert (alone.confidence, both.confidence) == (Confidence.LIKELY, Confidence.CERTAIN)
    assert "which agrees" in both.explanation and "witness" not in alone.explanation
    assert EvidenceKind.RECORD in {one.kind for one in both.evidence}


def without_ends(records: Path) -> None:
    """Take the last line of each rollout away, as if the turn had not ended."""
    for path in records.rglob("*.jsonl"):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def test_a_contradiction_makes_less_sure_and_is_told(tmp_path: Path) -> None:
    told = told_with_records("native-terminal-lost", tmp_path, provider="codex")
    without_ends(tmp_path / "agents")
    thread = judge(tmp_path / "home", told, tmp_path / "agents")
    found = finding(thread, "native-terminal-lost")
    assert (found.confidence, found.makes) == (Confidence.POSSIBLE, None)
    assert "which contradicts this" in found.explanation
    assert not codes(thread) & WITNESSED


def test_a_record_of_an_early_moment_contradicts_nothing(tmp_path: Path) -> None:
    told = told_with_records("native-terminal-lost", tmp_path, provider="codex")
    without_ends(tmp_path / "agents")
    early = "UPDATE _provider_records SET read_at = epoch_us(last_at) + 1"
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents", meanwhile=[early]), "native-terminal-lost")
    assert found.confidence is Confidence.LIKELY and "proves neither" in found.explanation


def test_a_failure_that_only_the_agent_recorded(tmp_path: Path) -> None:
    told = told_with_records("short-and-healthy", tmp_path, provider="codex")
    (path,) = (tmp_path / "agents").rglob("*.jsonl")
    assert "turn-outcome-differs" not in codes(judge(tmp_path / "home", told, tmp_path / "agents"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    end = next(line["payload"] for line in reversed(lines) if line["payload"].get("type") == "task_complete")
    end.update(last_agent_message=None, error={"message": "no credit"})
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "turn-outcome-differs")
    assert (found.severity, found.confidence, found.makes) == ("medium", Confidence.LIKELY, "diverged")
    assert "had failed" in found.summary and "no credit" in found.summary


def test_an_end_that_the_agent_never_wrote(tmp_path: Path) -> None:
    told = told_with_records("short-and-healthy", tmp_path, provider="codex")
    without_ends(tmp_path / "agents")
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "turn-outcome-differs")
    assert (found.severity, found.makes) == ("medium", "diverged") and "has no end" in found.summary
    early = "UPDATE _provider_records SET read_at = epoch_us(last_at)"
    thread = judge(tmp_path / "home", told, tmp_path / "agents", meanwhile=[early])
    assert "turn-outcome-differs" not in codes(thread)


@pytest.mark.parametrize("provider", ["claudeAgent", "opencode"])
def test_a_completed_turn_that_is_open_in_a_record_found_by_its_time(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "Read it.", Say("I have."))
        home.provider(thread).recording.end = lambda *_: None  # type: ignore[method-assign]  # it ends without a word
        home.turn(thread, "Go on.", Say("It is done."))
        home.advance(60)
        at, threads = iso(home.now), {thread: _ANY}
    told = ToldStory(story="", about="", build="", log_generation=2, as_of=at, server="alive", threads=threads)
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "turn-outcome-differs")
    assert (found.severity, found.makes, found.confidence) == ("medium", "diverged", Confidence.LIKELY)
    assert "found by its time" in found.explanation
    later = "UPDATE _record_turns SET started_at = started_at + INTERVAL 1 HOUR WHERE outcome = 'open'"
    afterwards = finding(judge(tmp_path / "home", told, tmp_path / "agents", meanwhile=[later]), "turn-outcome-differs")
    assert (afterwards.severity, afterwards.makes) == ("low", None)  # somebody asked for that when it was over


@pytest.mark.parametrize("build", ["0.171.0", "9.1.0"])
def test_a_record_of_a_build_that_is_newer_than_those_known_is_believed_less(build: str, codex: Working) -> None:
    path = codex.rollout(codex.started(), codex.complete(3))
    path.write_text(path.read_text().replace("0.146.0", build))
    found = finding(codex.judged(), "provider-ended")
    newer = build == "9.1.0"
    assert found.confidence is (Confidence.LIKELY if newer else Confidence.CERTAIN)
    assert (f"a build wrote it ({build}) that is newer" in found.explanation) is newer


@pytest.mark.parametrize("provider", ["codex", "claudeAgent"])
def test_a_record_that_was_cut_off_long_ago_contradicts_nothing(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        for text in ("Read it.", "Go on."):
            home.turn(thread, text, Say("I have."))
            home.advance(120)
        at, threads = iso(home.now), {thread: _ANY}
    told = ToldStory(story="", about="", build="", log_generation=2, as_of=at, server="alive", threads=threads)
    (path,) = (tmp_path / "agents").rglob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    for size in (4, 7, 9):
        path.write_bytes(b"".join(lines[:size]))
        found = judge(tmp_path / "home", told, tmp_path / "agents")
        # Of the newest turn alone the record could still be right that it has no end.
        first = found.case.facts.turns[0].turn_id
        assert not [one for one in found.findings if one.turn_id == first], size


def test_ends_of_an_unknown_kind_raise_no_alarm(tmp_path: Path) -> None:
    told = told_with_records("short-and-healthy", tmp_path, provider="codex")
    for path in (tmp_path / "agents").rglob("*.jsonl"):
        path.write_text(path.read_text().replace("task_complete", "task_over").replace("0.171.0", "0.180.0"))
    assert not codes(judge(tmp_path / "home", told, tmp_path / "agents")) & {*WITNESSED, "turn-outcome-differs"}


@pytest.mark.parametrize(("after_work", "found"), [(30, True), (-40, False)])
def test_work_that_t3_code_logged_after_the_end_is_a_contradiction(codex: Working, after_work: int, found: bool) -> None:
    with closing(Store.open()) as store:
        last = codex.read_into(store, "off").case.facts.last_activity
    assert last is not None
    ended = (last.at - codex.asked) // SECOND + after_work
    codex.as_of = max(codex.as_of, codex.asked + (ended + 60) * SECOND)
    codex.rollout(codex.started(), codex.complete(ended))
    told = finding(codex.judged(), "provider-ended")
    assert (told.makes == "stuck", told.severity == "high") == (found, found)
    assert ("contradicts" in told.explanation) is not found


def test_a_cut_that_rests_on_lines_that_are_missing_is_no_verdict(codex: Working) -> None:
    path = codex.rollout(codex.started(), codex.complete(3), codex.started("another", 9))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"timestamp": broken\n', lines[3]]))
    told = finding(codex.judged(), "provider-cut")
    assert (told.makes, told.severity, told.confidence) == (None, "low", Confidence.POSSIBLE)
    assert "could not be read" in told.explanation


@pytest.mark.parametrize("provider", ["codex", "opencode"])
def test_runs_of_the_second_data_model_are_found_by_the_agents_own_ids(provider: str, tmp_path: Path) -> None:
    told = told_with_records("v2-terminal-lost", tmp_path, provider=provider)
    found = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "provider-ended")
    assert found.confidence is (Confidence.CERTAIN if provider == "codex" else Confidence.LIKELY)
    told = build_home(tmp_path / "well", "v2-healthy", provider=provider, records=tmp_path / "others")
    assert judge(tmp_path / "well", told, tmp_path / "others").case.facts.record.state == "read"  # type: ignore[union-attr]
    assert not codes(judge(tmp_path / "well", told, tmp_path / "others"))


@pytest.mark.parametrize(("status", "end", "found"), [
    ("completed", {"last_agent_message": None, "error": {"message": "no credit"}}, ("medium", "diverged")),
    ("completed", {}, None),
    ("failed", {}, ("low", None)),
])  # fmt: skip
def test_the_outcome_of_a_run_is_held_against_the_record(
    status: str, end: dict[str, Any], found: tuple[str, str | None] | None, tmp_path: Path
) -> None:
    told = told_with_records("v2-healthy", tmp_path, provider="codex")
    database = next((tmp_path / "home").rglob("*.sqlite"))
    with closing(sqlite3.connect(database)) as con, con:
        con.execute("UPDATE orchestration_v2_projection_runs SET status = ?", (status,))
        con.execute(
            "UPDATE orchestration_v2_projection_runs SET payload_json = json_set(payload_json, '$.status', ?)", (status,)
        )
    change_end(tmp_path / "agents", **end)
    thread = judge(tmp_path / "home", told, tmp_path / "agents")
    if found is None:
        assert "turn-outcome-differs" not in codes(thread)
    else:
        told_otherwise = finding(thread, "turn-outcome-differs")
        assert (told_otherwise.severity, told_otherwise.makes) == found
        assert EvidenceKind.RECORD in {one.kind for one in told_otherwise.evidence}


@pytest.mark.parametrize(("later", "found"), [(30, True), (4, False)])
def test_work_of_a_run_that_is_over_is_seen_in_the_record(later: int, found: bool, tmp_path: Path) -> None:
    told = told_with_records("v2-healthy", tmp_path, provider="codex")
    change_end(tmp_path / "agents", later=later)
    thread = judge(tmp_path / "home", told, tmp_path / "agents")
    assert ("work-after-completion" in codes(thread)) is found
    if found:
        assert finding(thread, "work-after-completion").makes == "diverged"


@pytest.mark.parametrize("second", [False, True])
def test_an_orphaned_turn_quotes_the_record_and_is_as_sure_as_before(second: bool, tmp_path: Path) -> None:
    if second:
        with SecondHome(tmp_path / "home", records=tmp_path / "agents") as home:
            thread = home.thread("Draft the notes", provider="codex")
            home.send(thread, "Draft them.", Say(), Hang())
            home.wait_running(thread)
            home.advance(20)
            home.kill_server()
            at, threads = iso(home.core.now), {thread: _ANY}
        told = ToldStory(story="", about="", build="", log_generation=3, as_of=at, server="dead", threads=threads)
    else:
        told = told_with_records("orphaned-turn", tmp_path, provider="codex")
    alone = finding(judge(tmp_path / "home", told, tmp_path / "nowhere"), "orphaned-turn")
    both = finding(judge(tmp_path / "home", told, tmp_path / "agents"), "orphaned-turn")
    assert (both.confidence, both.makes, both.severity) == (alone.confidence, alone.makes, alone.severity)
    assert "own record has no end of the turn and nothing after it" in both.explanation
    assert EvidenceKind.RECORD in {one.kind for one in both.evidence}
    assert EvidenceKind.RECORD not in {one.kind for one in alone.evidence}


def change_end(records: Path, later: int = 0, **more: object) -> None:
    """Let the last turn of each rollout have ended otherwise, or so many seconds later."""
    for path in records.rglob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        place = max(n for n, line in enumerate(lines) if line["payload"].get("type") == "task_complete")
        lines[place]["payload"].update(more)
        lines[place]["timestamp"] = iso(parse_iso(lines[place]["timestamp"]) + later * SECOND)
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def test_a_steered_turn_goes_on_until_its_last_prompt_has_ended(tmp_path: Path) -> None:
    """OpenCode ends a prompt's answer and takes up the next, in one turn of T3 Code."""
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider="opencode")
        home.send(thread, "Rewrite it.", Say("I begin."), Hang())
        home.wait_running(thread)
        home.advance(20)
        agent = home.provider(thread).recording
        agent.steer("Keep the old name.")
        home.advance(60)
        told = ToldStory(
            story="", about="", build="", log_generation=2, as_of=iso(home.now), server="alive", threads={thread: _ANY}
        )
    assert not codes(judge(tmp_path / "home", told, tmp_path / "agents")) & WITNESSED


def test_an_unchanged_record_that_is_not_there_is_not_written_again(codex: Working) -> None:
    with closing(Store.open()) as store:
        codex.read_into(store)
        rows = store.table("select rowid, * from _provider_records").to_pylist()
        codex.read_into(store)
        assert store.table("select rowid, * from _provider_records").to_pylist() == rows


def test_a_run_of_the_past_is_not_judged_by_what_was_recorded_later(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home", records=tmp_path / "agents") as home:
        thread = home.thread("Draft the notes", provider="codex")
        home.send(thread, "Draft them.", Say(), Tool("make check", 60), Say())
        home.wait_running(thread)
        home.advance(20)
        at, threads = iso(home.core.now), {thread: _ANY}
        home.until(lambda: home.runs(thread) == ["completed"])
        home.advance(60)
    told = ToldStory(story="", about="", build="", log_generation=3, as_of=at, server="alive", threads=threads)
    then = judge(tmp_path / "home", told, tmp_path / "agents")
    assert then.case.facts.record is None and not codes(then) & WITNESSED
