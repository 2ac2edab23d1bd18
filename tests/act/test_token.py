"""A token is never seen by accident, and comes from where it should."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
import traceback
import types
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from t3lens.act import Token, find_token
from t3lens.act.errors import ActionsOff, AuthInvalid
from t3lens.act.token import HIDDEN, scrub
from t3lens.act.unattended import require_actions
from t3lens.errors import UsageError

SECRET = "s3cr3t-bearer-value-0123456789"


@pytest.fixture
def token() -> Iterator[Token]:
    yield Token(SECRET)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>40}".format,
        "%s".__mod__,
        lambda t: f"{t!r} {t} {[t]} { ({'a': t}) }",
        lambda t: t._repr_html_(),
        lambda t: repr(copy.copy(t)) + repr(copy.deepcopy(t)) + repr(copy.deepcopy([t])),
        lambda t: pickle.dumps(t).decode("latin-1"),
        lambda t: repr(pickle.loads(pickle.dumps(t))),
        lambda t: repr(sys.exc_info()) + str(Exception(t)),
    ],
)
def test_no_way_of_showing_it_shows_it(token: Token, show: object) -> None:
    assert callable(show)
    assert SECRET not in str(show(token))


def test_it_is_shown_as_stars(token: Token) -> None:
    assert (repr(token), str(token), f"{token}", token._repr_html_()) == (HIDDEN,) * 4


def test_it_cannot_be_written_as_json(token: Token) -> None:
    for dump in (json.dumps, msgspec.json.encode):
        with pytest.raises(TypeError):
            dump(token)
    with pytest.raises(TypeError):
        vars(token)


def test_a_traceback_with_local_variables_does_not_show_it(token: Token) -> None:
    def fails(credential: Token) -> None:
        local = credential
        raise RuntimeError(f"with {local}")

    try:
        fails(token)
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "credential = ***" in shown
    assert SECRET not in shown


@pytest.mark.parametrize("bad", ["", "   ", "a b", f"{SECRET}\nX: y", "sécret-0123456789"])
def test_what_is_no_token_is_refused_without_repeating_it(bad: str) -> None:
    try:
        Token(bad)
    except UsageError as error:
        assert error.code == "bad-token"
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        inside = [frame for frame in frames if Path(frame.filename).parts[-2:] == ("act", "token.py")]
        assert inside
        assert not any(bad.strip() and bad.strip() in str(f.locals) for f in inside)
    else:
        pytest.fail("accepted")


def test_a_copy_holds_nothing(token: Token) -> None:
    with pytest.raises(AuthInvalid, match="copied"):
        pickle.loads(pickle.dumps(token)).reveal()


def test_tokens_compare_by_content(token: Token) -> None:
    assert token == Token(SECRET)
    assert token != Token("another-token-0123456789")
    assert token != SECRET
    assert len({token, Token(SECRET)}) == 1


def test_a_pairing_token_is_told_from_a_bearer_token(token: Token) -> None:
    assert Token("6NKMKZ83YHKL").is_pairing
    assert not token.is_pairing


def test_scrub_knows_every_token_of_the_process(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_TOKEN", "from-the-environment-42")
    assert scrub(f"x {SECRET} y from-the-environment-42 z") == f"x {HIDDEN} y {HIDDEN} z"


def test_it_comes_from_where_it_is_given_first(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {("t3lens", "environment-1"): "from-keyring-0123"}
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda service, name: entries.get((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setenv("T3LENS_TOKEN", "from-environment-0123")
    names = ("environment-1", "http://127.0.0.1:1")
    assert find_token("given-0123456789", names=names).reveal() == "given-0123456789"
    assert find_token(names=names).reveal() == "from-environment-0123"
    monkeypatch.delenv("T3LENS_TOKEN")
    assert find_token(names=names).reveal() == "from-keyring-0123"
    with pytest.raises(AuthInvalid, match="T3LENS_TOKEN"):
        find_token(names=("other",), prompt=False)


def test_a_broken_keyring_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(service: str, name: str) -> str:
        raise RuntimeError("no backend")

    keyring = types.ModuleType("keyring")
    keyring.get_password = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    with pytest.raises(AuthInvalid):
        find_token(names=("a",), prompt=False)


def test_nobody_is_asked_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(sys, "stdin", StringIO("typed-by-nobody\n"))
    with pytest.raises(AuthInvalid):
        find_token()


def test_logging_it_shows_stars(token: Token, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("with %s and %r", token, token)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [("CI", "true", "CI"), ("VOILA_BASE_URL", "/", "Voila")],
)
def test_actions_are_off_where_nobody_watches(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str) -> None:
    monkeypatch.delenv("T3LENS_ACTIONS")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ActionsOff, match=says):
        require_actions()
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    require_actions()


@pytest.mark.parametrize("runner", ["papermill", "jupyter-nbconvert", "voila", "nbclient.py"])
def test_actions_are_off_under_a_notebook_runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runner: str) -> None:
    monkeypatch.delenv("T3LENS_ACTIONS")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / runner), "x.ipynb"])
    with pytest.raises(ActionsOff, match="runs under"):
        require_actions()


def test_zero_forbids_actions_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "0")
    with pytest.raises(ActionsOff, match="T3LENS_ACTIONS=0"):
        require_actions()
