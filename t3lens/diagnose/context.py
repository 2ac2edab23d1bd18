"""The standing of a home: which moment the verdicts are about, whether its server lives, which build wrote it."""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.diagnose.facts import HomeFacts, ModelInUse
from t3lens.diagnose.options import Options, ServerSetting
from t3lens.diagnose.processes import Processes
from t3lens.t3code.builds import Build, build_of, version_number
from t3lens.t3code.home_layout import STATEV2_SQLITE
from t3lens.t3code.v1.rules import PROFILES, REFERENCE, Rules, profile
from t3lens.t3code.v2 import rules as second
from t3lens.t3code.v2.rules import SecondRules
from t3lens.time import SECOND, Micros, now

__all__ = ["Context", "HomeServer", "as_of", "decide"]

_FRESH: Final = 300 * SECOND
"""A home whose newest record is younger than this is being written to: its verdicts are about now."""


class HomeServer(msgspec.Struct, frozen=True):
    """The server of a home, as found or as the person says.

    Attributes:
        status: ``alive``, ``dead`` or ``unknown``.
        started_at: Its start, microseconds UTC, if known.
        version: Its version, if it answered.
        why: One sentence on how this is known.
        sure: Whether that settles it. That the process of ``server-runtime.json`` is gone does not: a home copied
            from another machine looks the same as one whose server was killed.
        protocol: The orchestration protocol it names, if it answered and names one.
        then: Whether this is said of the moment that the verdicts are about, as a bundle says it, and not of now.
    """

    status: str
    started_at: Micros | None = None
    version: str | None = None
    why: str = ""
    sure: bool = True
    protocol: int | None = None
    then: bool = False

    @property
    def dead(self) -> bool:
        """Whether it is known not to run."""
        return self.status == "dead"

    @property
    def alive(self) -> bool:
        """Whether it is known to run."""
        return self.status == "alive"


class Context(msgspec.Struct, frozen=True):
    """What all detectors of a home share.

    Attributes:
        home: The home's facts.
        server: Its server.
        build: The build that wrote it, as far as is known.
        rules: The rules of that build, or those a person names.
        rules_guessed: Whether those were guessed.
        as_of: The moment the verdicts are about, microseconds UTC.
        options: The options of the diagnosis.
        processes: The provider processes of the server, where they could be looked at.
    """

    home: HomeFacts
    server: HomeServer
    build: Build
    rules: Rules | SecondRules
    rules_guessed: bool
    as_of: Micros
    options: Options
    processes: Processes | None = None

    @property
    def first_rules(self) -> Rules:
        """The rules of a home of the first data model."""
        assert isinstance(self.rules, Rules)
        return self.rules

    @property
    def other_rules(self) -> tuple[Rules, ...]:
        """Where the build was guessed: the released profiles next to it in age, which a wrong guess would mean."""
        if not self.rules_guessed:
            return ()
        released = [rules for rules in PROFILES.values() if rules is not REFERENCE]
        if not isinstance(self.rules, Rules) or self.rules not in released:
            return ()
        place = released.index(self.rules)
        return (*released[max(0, place - 1) : place], *released[place + 1 : place + 2])

    @property
    def by_logs_alone(self) -> bool:
        """Whether the build was guessed by nothing but the generation of its logs."""
        said = self.server.version or self.home.server_version
        return self.rules_guessed and version_number(said) is None and self.home.migrations is None

    def began_after(self, at: Micros | None) -> bool:
        """Whether the server is known to have started after ``at``.

        Where the store shows that the clock was set back over the moment of the start, no date tells that.
        """
        started = self.server.started_at
        if started is None or not at or started <= at:
            return False
        return not any(before >= started > after for _, before, after in self.home.clock_falls)

    def threshold(self, name: str) -> Micros:
        """The threshold called ``name``, microseconds."""
        return self.options.thresholds.micros(name)

    def age(self, at: Micros | None) -> Micros:
        """How long ago ``at`` was, microseconds; 0 for the future and the unknown."""
        return max(0, self.as_of - at) if at is not None else 0

    def older(self, at: Micros | None, name: str) -> bool:
        """Whether ``at`` is known and at least the threshold ``name`` ago."""
        return at is not None and self.as_of - at >= self.threshold(name)


def decide(home: HomeFacts, probed: HomeServer, options: Options, processes: Processes | None = None) -> Context:
    """Put options, what was probed and what the home says together.

    Args:
        home: The home's facts.
        probed: What looking at the server told; used unless the options say otherwise.
        options: The options of the diagnosis.
        processes: The provider processes of the server, where they could be looked at.
    """
    server = probed
    if options.server is not ServerSetting.AUTO:
        server = HomeServer(
            options.server.value,
            home.runtime_started_at if options.server is ServerSetting.ALIVE else None,
            home.server_version,
            "as the option server says",
        )
    if options.as_of is not None:
        server = _server_at(server, home, options.as_of, told=options.server is not ServerSetting.AUTO or probed.then)
    build = build_of(
        version=server.version or home.server_version,
        migrations=home.migrations,
        generation=home.generation,
        told=None if home.model is ModelInUse.SECOND else options.rules,
    )
    rules, guessed = _rules(home, build, options)
    looked_at = None if options.as_of is not None and home.went_on else processes  # those of now
    context = Context(home, server, build, rules, guessed, 0, options, looked_at)
    return msgspec.structs.replace(context, as_of=as_of(home, context))


def _server_at(server: HomeServer, home: HomeFacts, moment: Micros, *, told: bool) -> HomeServer:
    """What is known of a home's server at a moment that may be over, from what is known of it now.

    That it is gone now, or was started anew, says nothing of then. Who wrote what came next ran then, as far as that can
    be told.
    """
    started = server.started_at
    set_back = any(before > moment >= after for _, before, after in home.clock_falls)
    later = started is not None and started > moment and not set_back
    if later:  # which one ran then is not known
        server = msgspec.structs.replace(server, started_at=None)
    dark = home.why_unknown(moment)
    if dark is not None and not told:
        return HomeServer("unknown", why=f"{dark}: whether one ran before that is not known")
    if told or not (later or (server.dead and home.went_on)):
        return server
    if home.next_at is not None and (not later or home.next_at < (started or 0)):
        why = "something was written after that moment, so a server ran"
        return HomeServer("alive", server.started_at, server.version, why)
    return HomeServer("unknown", why="the server that is known of started after that moment") if later else server


def _rules(home: HomeFacts, build: Build, options: Options) -> tuple[Rules | SecondRules, bool]:
    """The rules of the build that wrote a home, and whether they were guessed; a profile of the other data model
    says nothing about it."""
    if home.model is ModelInUse.SECOND:
        if options.rules in second.PROFILES:
            return second.profile(options.rules), False
        used = {database.name for database in home.databases if database.in_use}
        return second.guess(own_database=STATEV2_SQLITE in used), True
    if options.rules in PROFILES or (options.rules and options.rules not in second.PROFILES):
        return profile(options.rules), False
    return build.rules, True


def as_of(home: HomeFacts, context: Context) -> Micros:
    """The moment the verdicts of a home are about: as told, now if it is being written to, else its newest record.

    Args:
        home: The home's facts.
        context: Its server and options; its own moment is not looked at.
    """
    if context.options.as_of is not None:
        return context.options.as_of
    moment = now()
    newest = home.newest_at
    if newest is None or context.server.alive or moment - newest < _FRESH:
        return moment
    return newest
