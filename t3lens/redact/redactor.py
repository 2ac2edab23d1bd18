"""Masking, consistently within one document: the same secret always gets the same mask."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from t3lens.counted import counted
from t3lens.redact.encodings import decoded_parts, unescaped, unquoted
from t3lens.redact.kinds import FIELD_KIND, KINDS, SecretKind, secret_field
from t3lens.redact.names import LIFECYCLE_WORDS, MESSAGE_NAMES, PROGRAM_SENTENCES, SAID, is_key
from t3lens.redact.rules import RedactionRules

__all__ = ["Redactor", "Secret"]

_DEEPEST: Final = 60
_NESTED: Final = 4
_LONGEST_LIFECYCLE: Final = 2000
_LONGEST_ID: Final = 200

_WORD: Final = re.compile(r"[\w.:/@+#-]{1,80}\Z")
_ID: Final = re.compile(r"[\w.:/+=~#|-]{1,200}\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z")
_LONGEST_KEY: Final = 1024
_LONGEST_REMEMBERED: Final = 1024
_MOST_REMEMBERED: Final = 50_000
_UUID: Final = re.compile(r"(?:[a-z]+-)*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_NOT_LETTERS: Final = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a text.

    Attributes:
        start, end: Where it stands.
        kind: What it is.
        text: The secret itself.
        mask: What stands for it.
    """

    start: int
    end: int
    kind: str
    text: str
    mask: str = ""


class Redactor:
    """Masks secrets and leaves out texts, on decoded values at every depth.

    Args:
        content: Keep prompts, answers, tool arguments and outputs; secrets in them are masked all the same.
        rules: A person's own rules.
        leave: Names of kinds that are not masked, such as ``PLACES``: what is kept for programs is joined by paths.

    Attributes:
        content: Whether prompts, answers, tool arguments and outputs are kept.
        counts: How many maskings were made, by kind; texts left out under ``text``.
    """

    def __init__(
        self, *, content: bool = False, rules: RedactionRules | None = None, leave: frozenset[str] = frozenset()
    ) -> None:
        self.content = content
        self._leave = leave
        self.counts: Counter[str] = Counter()
        self._rules = rules or RedactionRules()
        self._kinds: tuple[SecretKind, ...] = (*self._rules.kinds, *(kind for kind in KINDS if kind.name not in leave))
        self._masks: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self._programs_say = False
        self._clean: set[str] = set()  # documents say the same sentences over and over
        self._keys: set[str] = set()
        self._key_pattern: re.Pattern[str] | None = None
        words = "|".join(re.escape(word) for word in self._rules.words)
        self._words = re.compile(words, re.IGNORECASE) if words else None

    def keep_keys(self, keys: Iterable[str | None]) -> None:
        """Leave ids as they are wherever a text names them, however much they look like a secret; around them is masked.

        Args:
            keys: Ids of homes, threads, turns, events. What nothing would be masked of anyway costs nothing.
        """
        new = {key for key in keys if key and key not in self._keys and (self._rules.any or not _UUID.match(key))}
        trial = Redactor(content=True, rules=self._rules, leave=self._leave)
        new = {key for key in new if len(key) <= _LONGEST_KEY and "\n" not in key and trial.text(key) != key}
        if new:
            self._clean.clear()
            self._keys |= new
            words = "|".join(re.escape(key) for key in sorted(self._keys, key=len, reverse=True))
            self._key_pattern = re.compile(rf"(?<!\w)({words})(?!\w)")

    @property
    def keys(self) -> frozenset[str]:
        """The ids that are left as they are."""
        return frozenset(self._keys)

    # --- texts -----------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """``text`` with every secret in it masked, encoded ones too; whatever ``content`` says."""
        if text in self._clean:
            return text
        masked = self._text(text, _NESTED)
        if masked == text and len(text) <= _LONGEST_REMEMBERED and len(self._clean) < _MOST_REMEMBERED:
            self._clean.add(text)
        return masked

    def said(self, text: str, kind: str = "text") -> str:
        """Something a person, a model or a tool said: its length and kind, or with ``content`` its words, masked."""
        if self.content:
            return self.text(text)
        if not text:
            return text
        self.counts["text"] += 1
        return f"‹{kind}, {counted(len(text), 'character')}›"

    def _text(self, text: str, nested: int) -> str:
        if len(text) < 4 or text in self._rules.keep or text in self._keys:
            return text
        if nested and text[:1] in '{["' and text[-1:] in '}]"':
            inner = _as_json(text)
            if inner is not None:
                shown = self._value(inner, None, nested - 1, _DEEPEST, lifecycle=False)
                return text if shown == inner else json.dumps(shown, ensure_ascii=False)
        if self._key_pattern is not None and self._key_pattern.search(text):
            parts = self._key_pattern.split(text)  # every second one is a key
            return "".join(part if number % 2 else self._text(part, nested) for number, part in enumerate(parts))
        if nested:
            for said in unquoted(text):
                if said != text and self._holds_secret(said, nested):
                    return self._text(said, nested - 1)
        masked = self._plain(text)
        if nested:
            masked = self._encoded(masked, nested)
        return masked

    def _plain(self, text: str) -> str:
        if self._words is not None:
            text = self._words.sub(lambda match: self._mask("word", match[0].lower()), text)
        for kind in self._kinds:
            text = kind.pattern.sub(lambda match, kind=kind: self._masked(kind, match), text)  # type: ignore[misc]
        return text

    def secrets(self, text: str) -> list[Secret]:
        """Where secrets stand in a text, in order, the surest of those that overlap; what ``text`` masks, by place.

        What only a whole text says once its escapes are undone is not among them.
        """
        found: list[Secret] = []
        if self._words is not None:
            found += [Secret(m.start(), m.end(), "word", m[0].lower()) for m in self._words.finditer(text)]
        for kind in self._kinds:
            for match in kind.pattern.finditer(text):
                group = _group(kind, match)
                if self._is_secret(kind, match[group]):
                    found.append(Secret(match.start(group), match.end(group), kind.name, match[group]))
        for start, end, said in decoded_parts(text):
            if self._holds_secret(said, _NESTED):
                found.append(Secret(start, end, "encoded", text[start:end]))
        apart: list[Secret] = []
        for one in found:
            if one.text not in self._keys and not any(one.start < other.end and other.start < one.end for other in apart):
                apart.append(one)
        return [replace(one, mask=self._mask(one.kind, one.text)) for one in sorted(apart, key=lambda one: one.start)]

    def _masked(self, kind: SecretKind, match: re.Match[str]) -> str:
        group = _group(kind, match)
        secret = match[group]
        if not self._is_secret(kind, secret):
            return match[0]
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        return match[0][:start] + self._mask(kind.name, secret) + match[0][end:]

    def _is_secret(self, kind: SecretKind, text: str) -> bool:
        if "‹" in text or text in self._rules.keep:
            return False
        return kind.accept is None or kind.accept(text)

    def _mask(self, kind: str, secret: str) -> str:
        self.counts[kind] += 1
        mask = self._masks.get((kind, secret))
        if mask is None:
            self._numbers[kind] += 1
            mask = self._masks[kind, secret] = f"‹{kind}-{self._numbers[kind]}›"
        return mask

    def _encoded(self, text: str, nested: int) -> str:
        for start, end, said in sorted(decoded_parts(text), reverse=True):
            if self._holds_secret(said, nested):
                text = text[:start] + self._mask("encoded", text[start:end]) + text[end:]
        said = unescaped(text)
        if said != text and self._holds_secret(said, nested):
            return self._text(said, nested - 1)
        return text

    def _holds_secret(self, text: str, nested: int) -> bool:
        trial = Redactor(content=True, rules=self._rules, leave=self._leave)
        trial._keys, trial._key_pattern = self._keys, self._key_pattern
        return trial._text(text, nested - 1) != text and sum(trial.counts.values()) > 0

    # --- values ----------------------------------------------------------------------------------------------

    def value(self, value: object) -> Any:
        """A decoded value (dicts, lists, strings, numbers) with every secret in it masked; the shape stays."""
        return self._value(value, None, _NESTED, _DEEPEST, lifecycle=False)

    def record(self, value: object, *, programs_say: bool = False) -> Any:
        """A decoded record of a log or a row: what tells the lifecycle stays, what anybody said is left out.

        Kept are numbers, booleans, times, ids, and short words under names that tell states and types; other
        texts become their length and kind. With ``content`` all texts stay. Secrets are masked either way.

        Args:
            value: The record to mask.
            programs_say: Its ``message`` and ``detail`` are sentences of programs (warnings, errors): kept too.
        """
        self._programs_say = programs_say
        return self._value(value, None, _NESTED, _DEEPEST, lifecycle=not self.content)

    def _value(self, value: object, name: str | None, nested: int, depth: int, *, lifecycle: bool) -> Any:
        if isinstance(value, str):
            return self._string(value, name, nested, lifecycle)
        if isinstance(value, Mapping):
            if depth <= 0:
                return {}
            return {
                self._text(str(key), nested): self._field(str(key), part, nested, depth, lifecycle)
                for key, part in value.items()
            }
        if isinstance(value, list | tuple):
            if depth <= 0:
                return []
            return [self._value(part, name, nested, depth - 1, lifecycle=lifecycle) for part in value]
        return value

    def _field(self, name: str, value: object, nested: int, depth: int, lifecycle: bool) -> Any:
        if self.hides_field(name):
            return self._mask_whole(value)
        return self._value(value, name, nested, depth - 1, lifecycle=lifecycle)

    def hides_field(self, name: str) -> bool:
        """Whether what stands under ``name`` is masked as a whole: it names a secret, or a person's rules say so."""
        return name.lower() in self._rules.fields or secret_field(name)

    def hidden(self, text: str) -> str:
        """A text that stands under the name of a secret, masked as a whole."""
        return self._mask(FIELD_KIND, text) if text else text

    def _mask_whole(self, value: object) -> Any:
        """What stands under a secret's name: all texts in it masked, its shape and small numbers kept."""
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, Mapping):
            return {key: self._mask_whole(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._mask_whole(part) for part in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1e6:
            return self._mask(FIELD_KIND, str(value))
        return value

    def _string(self, text: str, name: str | None, nested: int, lifecycle: bool) -> str:
        if name is not None and is_key(name) and len(text) <= _LONGEST_KEY and "\n" not in text:
            return text
        if not lifecycle:
            return self._text(text, nested)
        if not text or _TIME.match(text):
            return text
        plain = _NOT_LETTERS.sub("", (name or "").lower()).removeprefix("binding")
        if plain in PROGRAM_SENTENCES or (self._programs_say and plain in MESSAGE_NAMES):
            return self._text(text[:_LONGEST_LIFECYCLE], nested)
        if plain in LIFECYCLE_WORDS and _WORD.match(text):
            return self._text(text, nested)
        if plain.endswith(("id", "ids")) and len(text) <= _LONGEST_ID and _ID.match(text):
            return self._text(text, nested)
        return self.said(text, SAID.get(plain, "text"))


def _group(kind: SecretKind, match: re.Match[str]) -> str | int:
    """The part of a match that is the secret."""
    for name in ("secret", "quoted", "single"):
        if name in kind.pattern.groupindex and match[name] is not None:
            return name
    return 0


def _as_json(text: str) -> object | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list | str) else None
