"""What a secret looks like: one pattern for each kind, the surest first.

A pattern may name the part to mask ``secret``; otherwise all of the match is masked. Kinds that cannot be told by
their look alone (passwords, cookies, bare host names) are told by the name before them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from t3lens.redact.names import SECRET_NAMES

__all__ = ["FIELD_KIND", "KINDS", "PLACES", "SecretKind", "secret_field"]


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind of secret.

    Attributes:
        name: What masks call it.
        pattern: Where it stands; the group ``secret`` if only a part of the match is one.
        accept: Whether a match really is one, where the pattern alone cannot tell.
    """

    name: str
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] | None = None


def _is_foreign_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


_LOCAL_HOSTS: Final = frozenset({"localhost", "localhost.localdomain"})
_PLACEHOLDER: Final = re.compile(r"(?i)^(?:null|none|true|false|undefined|\*+|<[^>]*>|\$\{?\w+\}?|[.…]+|‹.*)$")


def _is_host(text: str) -> bool:
    name = text.lower()
    return name not in _LOCAL_HOSTS and not _is_address(name) and not name.replace(".", "").isdigit()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_value(text: str) -> bool:
    return len(text) >= 4 and not _PLACEHOLDER.match(text)


def _is_random(text: str) -> bool:
    """Long, with both cases and several digits: made by a generator, and no id of the kinds that logs are full of."""
    if text.startswith("refs/t3/"):
        return False  # a checkpoint: its thread's id in base64
    digits = sum(char.isdigit() for char in text)
    upper = sum(char.isupper() for char in text)
    lower = sum(char.islower() for char in text)
    return digits >= 4 and upper >= 6 and lower >= 6 and len(set(text)) >= 16


def _kind(name: str, pattern: str, accept: Callable[[str], bool] | None = None, flags: int = 0) -> SecretKind:
    return SecretKind(name, re.compile(pattern, flags), accept)


_TLDS: Final = "com|net|org|edu|gov|internal|corp|lan|intranet|intra|example"
_LOOSE_TLDS: Final = "io|dev|app|ai|co|cloud|local|home|private|de|uk|fr|nl|eu|us|ch|at|se|no|jp|test|tech|sh"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

KINDS: Final[tuple[SecretKind, ...]] = (
    _kind(
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:.*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)",
        flags=re.DOTALL,
    ),
    _kind(
        "connection-string",
        r"(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@'\"<>]*:(?P<secret>[^\s/@'\"<>]+)@",
    ),
    _kind("jwt", r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}"),
    _kind(
        "webhook",
        r"https://(?:hooks\.slack\.com/(?:services|workflows)|(?:\w+\.)?discord(?:app)?\.com/api/webhooks)/[\w/-]+",
    ),
    _kind("anthropic-key", r"\bsk-ant-[A-Za-z0-9_-]{16,}"),
    _kind("openai-key", r"\bsk-(?:proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,}"),
    _kind("stripe-key", r"\b(?:[srp]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}"),
    _kind("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})"),
    _kind("gitlab-token", r"\bgl(?:pat|rt|dt|ptt)-[A-Za-z0-9_.-]{18,}"),
    _kind("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{20,}"),
    _kind("aws-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    _kind("google-key", r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}"),
    _kind(
        "package-token",
        r"\bnpm_[A-Za-z0-9]{36}|\bpypi-[A-Za-z0-9_-]{40,}|\bhf_[A-Za-z0-9]{30,}|\bdckr_pat_[A-Za-z0-9_-]{20,}",
    ),
    _kind("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _kind("telegram-token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,}"),
    _kind(
        "authorization",
        r"(?i)\b(?:bearer|basic|digest)\s+(?P<secret>[A-Za-z0-9+/_.~-]{8,}=*)",
        lambda text: any(not char.islower() for char in text),
    ),
    _kind(
        "cookie",
        r"(?i)\b(?:set-)?cookie['\"\s]*[:=]\s*['\"]?(?P<secret>[^\r\n'\"]{4,})",
        _is_value,
    ),
    _kind(
        "signature",
        r"(?i)[?&](?:sig|signature|x-amz-(?:signature|credential|security-token)|key|code|access_token|token)="
        r"(?P<secret>[^&\s\"'<>]{8,})",
    ),
    _kind(
        "assigned-secret",
        rf"(?i)(?<![a-z])(?:[a-z0-9]+[_-])*(?:{SECRET_NAMES})\b\\?['\"]?\s*(?:[:=]|=>)\s*\\?"
        r"(?:\"(?P<quoted>[^\"\r\n\\]{4,})|'(?P<single>[^'\r\n\\]{4,})|(?P<secret>[^\s'\",;&|)}\]<>\\]{4,}))",
        _is_value,
    ),
    _kind(
        "assigned-secret",
        rf"(?i)--?(?:[a-z0-9]+-)*(?:{SECRET_NAMES})[ =](?P<secret>[^\s'\"]{{4,}})",
        _is_value,
    ),
    _kind(
        "assigned-secret",
        rf"(?i)(?<![a-z])(?:{SECRET_NAMES})\s+(?:is|was)\s+(?P<secret>[^\s'\",;]{{6,}})",
        lambda text: any(char.isdigit() for char in text),
    ),
    _kind("email", r"\b[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b"),
    _kind(
        "home-path",
        r"(?:(?<![A-Za-z0-9_.])|(?<=file://))(?:/home/|/Users/|/export/home/|/var/home/)[^/\s'\"`:;,<>|)\]\\]+"
        r"|(?<![\w.])/root\b(?=/|\b)"
        r"|\b[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s'\"`:;,<>|]+",
    ),
    _kind(
        "ip",
        r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)(?!\.\d)",
        _is_foreign_address,
    ),
    _kind(
        "ip",
        r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}"
        r"|(?:[0-9A-Fa-f]{1,4}:){1,7}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
        r"|::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})(?![\w:])",
        _is_foreign_address,
    ),
    _kind("mac-address", r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])"),
    _kind(
        "host",
        rf"(?i)(?:\b(?:https?|wss?|ssh|ftp|sftp|git|redis|rediss|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|amqps?|tcp|udp)"
        rf"://(?:[^\s/@]*@)?|\bssh\s+(?:-\S+\s+)*(?:[\w.-]+@)?|\bhost(?:name)?['\"]?\s*[:=]\s*['\"]?|@)"
        rf"(?P<secret>{_LABEL}(?:\.{_LABEL})*)(?=[\s:/'\",;?#)\]]|$)",
        _is_host,
    ),
    _kind(
        "host",
        rf"(?i)(?<![\w.@/\\%-])(?:(?:{_LABEL}\.)+(?:{_TLDS})|(?:{_LABEL}\.){{2,}}(?:{_LOOSE_TLDS}))(?![\w(-]|\.\w)",
        _is_host,
    ),
    _kind(
        "random",
        r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{40,}={0,2}(?![A-Za-z0-9+/_=-])",
        _is_random,
    ),
)
"""All kinds that are looked for, in the order in which they are tried."""

PLACES: Final = frozenset({"email", "home-path", "host", "ip", "mac-address"})
"""Kinds that say who and where, and open nothing."""

FIELD_KIND: Final = "secret-field"
"""What is masked because of the name it stands under."""

_SECRET_NAME: Final = re.compile(rf"(?i)(?:^|[_-])(?:{SECRET_NAMES}|cookies?)$")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def secret_field(name: str) -> bool:
    """Whether what stands under ``name`` (``apiKey``, ``DB_PASSWORD``, ``x-auth-token``) is a secret by its name."""
    if len(name) > 80:
        return False
    return _SECRET_NAME.search(_CAMEL.sub("_", name)) is not None
