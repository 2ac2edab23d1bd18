"""Who may do what on the simulated server: pairing tokens, bearer tokens, scopes (roles before 0.0.28)."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from t3lens.sim.builds import SimulatedBuild

__all__ = ["OPERATE", "READ", "SCOPES", "Auth", "Denied", "HttpReply"]

READ: Final = "orchestration:read"
OPERATE: Final = "orchestration:operate"
SCOPES: Final = (
    READ,
    OPERATE,
    "terminal:operate",
    "review:write",
    "relay:read",
    "access:read",
    "access:write",
    "relay:write",
)
_TTL: Final = 30 * 24 * 3600
_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_PAIRING: Final = "urn:t3:params:oauth:token-type:environment-bootstrap"
_ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"


class HttpReply(msgspec.Struct, frozen=True):
    """An HTTP answer.

    Attributes:
        status: The status code.
        body: JSON value, plain text, or None for an empty body.
    """

    status: int
    body: Any = None


class Denied(Exception):
    """The request is not allowed, or its token request is wrong; carries the answer."""

    def __init__(self, answer: HttpReply) -> None:
        super().__init__(f"answered {answer.status}")
        self.answer = answer


class _Grant(msgspec.Struct):
    scopes: tuple[str, ...]
    expires: float


def _trace() -> str:
    return secrets.token_hex(16)


def _invalid(reason: str) -> HttpReply:
    body = {
        "_tag": "EnvironmentAuthInvalidError",
        "code": "auth_invalid",
        "reason": reason,
        "traceId": _trace(),
    }
    return HttpReply(401, body)


def _wrong(reason: str) -> HttpReply:
    body = {
        "_tag": "EnvironmentRequestInvalidError",
        "code": "invalid_request",
        "reason": reason,
        "traceId": _trace(),
    }
    return HttpReply(400, body)


class Auth:
    """Tokens of one server; they live as long as the object, over restarts too.

    Args:
        build: The build whose protocol is spoken.
    """

    def __init__(self, build: SimulatedBuild) -> None:
        self._build = build
        self._tokens: dict[str, _Grant] = {}
        self._pairings: dict[str, _Grant] = {}

    def issue(self, scopes: tuple[str, ...] = (READ, OPERATE), ttl: float = _TTL) -> str:
        """A bearer token, as the server's own command line gives out."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = _Grant(scopes, time.time() + ttl)
        return token

    def pair(self, scopes: tuple[str, ...] = SCOPES, ttl: float = 300) -> str:
        """A pairing token, good for one exchange."""
        token = secrets.token_hex(6).upper()
        self._pairings[token] = _Grant(scopes, time.time() + ttl)
        return token

    def revoke_all(self) -> None:
        """Forget every token."""
        self._tokens.clear()
        self._pairings.clear()

    def scopes(self, header: str | None) -> tuple[str, ...] | None:
        """What the bearer of an ``Authorization`` header may do; None without a header.

        Raises:
            Denied: The token is unknown or expired.
        """
        if not header:
            return None
        kind, _, token = header.partition(" ")
        grant = self._tokens.get(token.strip()) if kind.lower() == "bearer" else None
        if grant is None or grant.expires < time.time():
            raise Denied(_invalid("invalid_credential") if self._build.scopes else HttpReply(500))
        return grant.scopes

    def require(self, header: str | None, scope: str) -> None:
        """Let nobody through who may not ``scope``.

        Raises:
            Denied: No token, a bad one, or one without the scope.
        """
        scopes = self.scopes(header)
        if scopes is None:
            raise Denied(_invalid("missing_credential") if self._build.scopes else HttpReply(500))
        if self._build.scopes and scope not in scopes:
            body = {
                "_tag": "EnvironmentScopeRequiredError",
                "code": "insufficient_scope",
                "requiredScope": scope,
                "traceId": _trace(),
            }
            raise Denied(HttpReply(403, body))

    def session(self, header: str | None) -> HttpReply:
        """Who the caller is."""
        methods = ["browser-session-cookie", "bearer-access-token", "dpop-access-token"]
        if not self._build.scopes:
            methods = ["browser-session-cookie", "bearer-session-token"]
        auth = {
            "policy": "loopback-browser",
            "bootstrapMethods": ["one-time-token"],
            "sessionMethods": methods,
            "sessionCookieName": "t3_session",
        }
        try:
            scopes = self.scopes(header)
        except Denied:
            scopes = None
        if scopes is None:
            return HttpReply(200, {"authenticated": False, "auth": auth})
        who: dict[str, Any] = {"scopes": list(scopes)} if self._build.scopes else {"role": "owner"}
        expires = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + _TTL))
        body = {
            "authenticated": True,
            "auth": auth,
            **who,
            "sessionMethod": methods[1],
            "expiresAt": expires,
        }
        return HttpReply(200, body)

    def exchange(self, content_type: str, body: bytes) -> HttpReply:
        """``POST /oauth/token``: a pairing token becomes a bearer token."""
        if content_type.partition(";")[0].strip() != "application/x-www-form-urlencoded":
            return HttpReply(415, f"Unsupported content-type: {content_type}")
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != _GRANT or form.get("subject_token_type") != _PAIRING:
            return _wrong("invalid_grant")
        grant = self._pairings.get(form.get("subject_token", ""))
        if grant is None or grant.expires < time.time():
            return _invalid("invalid_credential")
        asked = tuple(form.get("scope", "").split()) or grant.scopes
        if any(scope not in SCOPES for scope in asked):
            return _wrong("invalid_scope")
        if any(scope not in grant.scopes for scope in asked):
            return _wrong("scope_not_granted")
        del self._pairings[form["subject_token"]]
        token = self.issue(asked)
        answer = {
            "access_token": token,
            "issued_token_type": _ACCESS,
            "token_type": "Bearer",
            "expires_in": _TTL - 1,
            "scope": " ".join(asked),
        }
        return HttpReply(200, answer)

    def bootstrap(self, body: Any) -> HttpReply:
        """``POST /api/auth/bootstrap/bearer`` of 0.0.23."""
        credential = body.get("credential") if isinstance(body, dict) else None
        grant = self._pairings.pop(credential, None) if isinstance(credential, str) else None
        if grant is None or grant.expires < time.time():
            return HttpReply(401, {"error": "Invalid bootstrap credential."})
        expires = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + _TTL))
        token = self.issue(grant.scopes)
        body = {
            "authenticated": True,
            "role": "owner",
            "sessionMethod": "bearer-session-token",
            "expiresAt": expires,
            "sessionToken": token,
        }
        return HttpReply(200, body)

    def pairing(self, header: str | None, body: Any) -> HttpReply:
        """``POST /api/auth/pairing-token``: a new pairing token, for who may give access."""
        self.require(header, "access:write")
        scopes = tuple(body.get("scopes") or SCOPES) if isinstance(body, dict) else SCOPES
        label = body.get("label") if isinstance(body, dict) else None
        expires = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 300))
        shown = {
            "id": secrets.token_hex(8),
            "credential": self.pair(scopes),
            "label": label,
            "expiresAt": expires,
        }
        return HttpReply(200, shown)
