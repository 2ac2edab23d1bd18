"""Named stories: what happens in a home, and what a right diagnosis says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.errors import UsageError
from t3lens.sim.home import SimHome
from t3lens.time import Micros, iso

__all__ = ["ALL_BUILDS", "STORIES", "Expect", "Scenario", "StoryOutcome", "ToldStory", "story"]

ALL_BUILDS: Final = ("0.0.23", "0.0.28", "0.0.33")


class Expect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is right about one thread.

    Attributes:
        verdict: The verdicts that are right.
        must: Finding codes that must appear.
        never: Finding codes that must not.
        quiet: Nothing of severity medium or more may appear.
    """

    verdict: tuple[str, ...]
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    quiet: bool = False


class StoryOutcome(msgspec.Struct, kw_only=True):
    """What a story leaves behind.

    Attributes:
        threads: What is right, by thread id.
        home: Finding codes that must appear at the home itself.
        tamper: What is done to the closed home by hand.
    """

    threads: dict[str, Expect]
    home: tuple[str, ...] = ()
    tamper: Callable[[Path], None] | None = None


class ToldStory(msgspec.Struct, frozen=True, kw_only=True):
    """A home that a story was told in; written beside it as ``expected.json``.

    Attributes:
        story: Name of the story.
        about: What happened, in one sentence.
        build: Version of the server.
        log_generation: Of its provider logs.
        as_of: The moment the expectations are about.
        server: ``alive`` or ``dead`` at that moment.
        threads: What is right, by thread id.
        home: Finding codes that must appear at the home itself.
    """

    story: str
    about: str
    build: str
    log_generation: int
    as_of: str
    server: str
    threads: dict[str, Expect]
    home: tuple[str, ...] = ()


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One story that can be told in a home of its own.

    Attributes:
        name: Kebab-case; that of the finding it is about, where there is one.
        about: What happens, in one sentence.
        builds: Servers on which it can happen, the most telling first.
        providers: Providers with which it can happen, the most telling first.
        act: Makes it happen.
        records: Whether only the agents' own records tell of it; they then stand in the home's folder ``agents``,
            unless the teller says where.
    """

    name: str
    about: str
    builds: tuple[str, ...]
    providers: tuple[str, ...]
    act: Callable[[SimHome, str], StoryOutcome]
    records: bool = False

    def tell(
        self,
        path: str | Path,
        *,
        build: str | None = None,
        provider: str | None = None,
        seed: int | str = 0,
        **home: Any,
    ) -> ToldStory:
        """Tell the story in a new home at ``path``.

        Args:
            path: The home; it must not have ``userdata`` yet.
            build: Server version; None takes the most telling.
            provider: Provider; None takes the most telling.
            seed: The same seed gives the same bytes.
            home: Further arguments of ``SimHome``.

        Returns:
            What is right about the home; it also stands there as ``expected.json``.

        Raises:
            UsageError: The story cannot happen on that build or with that provider.
        """
        build, provider = build or self.builds[0], provider or self.providers[0]
        if build not in self.builds:
            raise UsageError(f"the story {self.name!r} does not happen on {build}, only on {', '.join(self.builds)}")
        if provider not in self.providers:
            raise UsageError(
                f"the story {self.name!r} does not happen with {provider}, only with {', '.join(self.providers)}"
            )
        if self.records:
            home.setdefault("records", Path(path) / "agents")
        with SimHome(path, build=build, seed=f"{seed}/{self.name}/{build}/{provider}", **home) as teller:
            outcome = self.act(teller, provider)
            as_of: Micros = teller.now
            generation, alive = teller.logs.generation, teller.running
        if outcome.tamper is not None:
            outcome.tamper(Path(path))
        told = ToldStory(
            story=self.name,
            about=self.about,
            build=build,
            log_generation=generation,
            as_of=iso(as_of),
            server="alive" if alive else "dead",
            threads=outcome.threads,
            home=outcome.home,
        )
        text = msgspec.json.format(msgspec.json.encode(told), indent=1)
        (Path(path) / "expected.json").write_bytes(text + b"\n")
        return told


STORIES: Final[dict[str, Scenario]] = {}
"""Every story by name; see ``t3lens.sim.scenarios``."""

_ANY: Final = ("opencode", "codex", "claudeAgent", "cursor")
_Act = Callable[[SimHome, str], StoryOutcome]


def story(
    name: str,
    about: str,
    *,
    builds: tuple[str, ...] = ("0.0.28", "0.0.33"),
    providers: tuple[str, ...] = _ANY,
    records: bool = False,
) -> Callable[[_Act], _Act]:
    """Register the decorated function as a story."""

    def register(act: _Act) -> _Act:
        STORIES[name] = Scenario(name=name, about=about, builds=builds, providers=providers, act=act, records=records)
        return act

    return register
