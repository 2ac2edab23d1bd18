"""Planted secrets: 20 kinds, 25 of each, every one nested and written in another way."""

from __future__ import annotations

import base64
import gzip
import html
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
NAMES = ("mira", "tobias", "yuki", "amara", "lukas", "ines", "oleg", "priya", "sven", "chloe")


@dataclass(frozen=True)
class Planted:
    """One secret: what must never be seen again, and the text around it."""

    kind: str
    secret: str
    text: str
    value: Any


def word(rng: random.Random, length: int, letters: str = ALNUM) -> str:
    return "".join(rng.choice(letters) for _ in range(length))


def _pem(rng: random.Random) -> tuple[str, str]:
    body = "\n".join(word(rng, 64, ALNUM + "+/") for _ in range(6))
    kind = rng.choice(("RSA ", "EC ", "OPENSSH ", ""))
    return body, f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def _jwt(rng: random.Random) -> tuple[str, str]:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": word(rng, 8)}).encode()).decode().rstrip("=")
    token = f"{head}.{body}.{word(rng, 43)}"
    return token, f"the session sent {token} to the server"


def _plain(prefix: str, length: int, letters: str = ALNUM) -> Callable[[random.Random], tuple[str, str]]:
    def make(rng: random.Random) -> tuple[str, str]:
        secret = prefix + word(rng, length, letters)
        return secret, rng.choice((f"using {secret} now", f"key={secret}", f'"{secret}"', f"({secret})."))

    return make


def _connection(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 14)
    scheme = rng.choice(("postgres", "mysql", "mongodb+srv", "redis", "amqp", "https"))
    return secret, f"connect to {scheme}://app:{secret}@db-7.corp.internal:5432/main failed"


def _assigned(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 12)
    name = rng.choice(("PASSWORD", "api_key", "DB_PASSWORD", "client_secret", "access-token", "auth_token"))
    return secret, rng.choice(
        (
            f"{name}={secret}",
            f"{name}: {secret}",
            f'"{name}": "{secret}"',
            f"export {name}='{secret}'",
        )
    )


def _flag(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 16)
    return secret, f"deploy --{rng.choice(('token', 'api-key', 'password'))} {secret} --verbose"


def _bearer(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 32)
    return secret, f"curl -H 'Authorization: {rng.choice(('Bearer', 'Basic'))} {secret}' there"


def _cookie(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 24)
    return secret, f"Set-Cookie: sid={secret}; Path=/; HttpOnly"


def _webhook(rng: random.Random) -> tuple[str, str]:
    secret = f"T{word(rng, 8, UPPER)}/B{word(rng, 8, UPPER)}/{word(rng, 24)}"
    return secret, f"posted to https://hooks.slack.com/services/{secret} just now"


def _signature(rng: random.Random) -> tuple[str, str]:
    secret = word(rng, 40, HEX)
    return secret, f"GET /blob?sv=2&sig={secret}&se=9 answered 403"


def _email(rng: random.Random) -> tuple[str, str]:
    secret = f"{rng.choice(NAMES)}.{word(rng, 6, string.ascii_lowercase)}@{word(rng, 7, string.ascii_lowercase)}.com"
    return secret, f"committed by {secret} yesterday"


def _home(rng: random.Random) -> tuple[str, str]:
    name = rng.choice(NAMES) + word(rng, 5, string.ascii_lowercase)
    place = rng.choice((f"/home/{name}/work/app.py", f"/Users/{name}/Library/x", f"C:\\Users\\{name}\\src\\a.ts"))
    return name, f"cannot open {place}: no such file"


def _host(rng: random.Random) -> tuple[str, str]:
    top = rng.choice(("internal", "corp", "com"))
    secret = f"{word(rng, 8, string.ascii_lowercase)}.{word(rng, 6, string.ascii_lowercase)}.{top}"
    return secret, rng.choice((f"connect {secret}:8443 refused", f"see https://{secret}/status", f"host={secret}"))


def _ip(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.5:
        secret = ".".join(str(rng.randrange(11, 120)) for _ in range(4))
        return secret, f"dial tcp {secret}:443: timeout"
    secret = ":".join(f"{rng.randrange(4096, 65535):x}" for _ in range(8))
    return secret, f"dial tcp [{secret}]:443: timeout"


def _random(rng: random.Random) -> tuple[str, str]:
    secret = "Aa0" * 3 + word(rng, 48)
    return secret, f"the value was {secret} then"


KINDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "private key": _pem,
    "jwt": _jwt,
    "anthropic key": _plain("sk-ant-api03-", 60),
    "openai key": _plain("sk-proj-", 48),
    "github token": _plain("ghp_", 36),
    "gitlab token": _plain("glpat-", 20),
    "slack token": _plain("xoxb-", 40, string.digits + string.ascii_letters),
    "aws key": _plain("AKIA", 16, UPPER),
    "google key": _plain("AIza", 35),
    "stripe key": _plain("sk_live_", 24),
    "connection string": _connection,
    "assigned": _assigned,
    "flag": _flag,
    "bearer": _bearer,
    "cookie": _cookie,
    "webhook": _webhook,
    "signature": _signature,
    "email": _email,
    "home path": _home,
    "host or ip": lambda rng: _host(rng) if rng.random() < 0.5 else _ip(rng),
}


def _json_in_text(text: str) -> str:
    return json.dumps({"stdout": text, "exit": 1})


def _twice(text: str) -> str:
    return json.dumps(json.dumps({"inner": [text]}))


def _escaped(text: str) -> str:
    return "log: " + "".join(f"\\u{ord(char):04x}" for char in text)


ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    _json_in_text,
    _twice,
    lambda text: "base64 " + base64.b64encode(text.encode()).decode(),
    lambda text: "url " + quote(text, safe=""),
    lambda text: "hex " + text.encode().hex(),
    lambda text: "page " + html.escape(text).replace("=", "&#61;"),
    _escaped,
    lambda text: f"line one\r\n\t{text}\r\nline three",
    lambda text: "packed " + base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    lambda text: "powershell -e " + base64.b64encode(text.encode("utf-16-le")).decode(),
    lambda text: "url twice " + quote(quote(text, safe=""), safe=""),
    lambda text: f"\u2192 \U0001f511 {text} \u00e9",
)

NESTINGS: tuple[Callable[[str], Any], ...] = (
    lambda text: text,
    lambda text: {"payload": {"detail": text}},
    lambda text: [[["a", text], 1], None],
    lambda text: {"data": {"args": {"command": ["sh", "-c", text]}}, "n": 3},
    lambda text: {"deep": {"er": {"and": {"deep": {"er": [{"still": text}]}}}}},
    lambda text: {text: True},
)


def planted(each: int = 25, seed: int = 7) -> list[Planted]:
    """The corpus: ``each`` of every kind, always the same."""
    rng = random.Random(seed)
    found = []
    for kind, make in KINDS.items():
        for number in range(each):
            secret, text = make(rng)
            written = ENCODINGS[number % len(ENCODINGS)](text)
            found.append(Planted(kind, secret, written, NESTINGS[number % len(NESTINGS)](written)))
    return found


def innocent() -> list[str]:
    """Texts that logs are full of and that are no secrets; what is masked of them is a false masking."""
    rng = random.Random(11)
    uuid = lambda: "-".join(word(rng, n, HEX) for n in (8, 4, 4, 4, 12))  # noqa: E731
    texts = []
    for _ in range(25):
        texts += [
            f"thread {uuid()} is stored as running with turn opencode-turn-{uuid()}, but no server runs",
            f"provider:{uuid()}:thread-session-set:{uuid()}",
            f"session ses_{word(rng, 26)} answered msg_{word(rng, 24)}",
            f"call_{word(rng, 24)} finished in {rng.randrange(9999)} ms",
            f"commit {word(rng, 40, HEX)} on branch feature/x-{rng.randrange(99)}",
            f"sha256:{word(rng, 64, HEX)}",
            f"logs/provider/{uuid()}.log.{rng.randrange(9)}:{rng.randrange(9999)} (byte {rng.randrange(99999):,})",
            f"at 2026-11-22T1{rng.randrange(9)}:03:04.{rng.randrange(100, 999)}Z the turn was settled by rule R4",
            "Error: exceeded retry limit, last status: 429 Too Many Requests",
            "usage: 1234 tokens, max tokens: 200000, cached tokens 17",
            "thread.session-set then session.state.changed then turn.completed: interrupted",
            "npm ERR! missing script: test in package.json, see node_modules/.bin/tsc",
            f"listening on http://127.0.0.1:{rng.randrange(2000, 60000)} as localhost, version 0.0.{rng.randrange(40)}",
            "def main(args): return os.path.join(root, 'src/app.module.ts')",
            "refs/t3/checkpoints/turn/3 is ready; checkpoint status missing",
            "the password was wrong, and the token is expired; ask for a new token",
        ]
    return texts
