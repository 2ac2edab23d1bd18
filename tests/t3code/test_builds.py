"""One table answers which build wrote a home, whoever asks."""

from __future__ import annotations

import pytest

from t3lens.sim.builds import BUILDS as SIMULATED
from t3lens.t3code.builds import BUILDS, MIGRATIONS, Build, build_of, model_of, version_number
from t3lens.t3code.v1.rules import PROFILES, REFERENCE


def _name(build: Build) -> str:
    return build.rules.name


@pytest.mark.parametrize(
    ("version", "rules", "reconciles"),
    [
        ("0.0.1", "shipped-0.0.23", False),
        ("0.0.23", "shipped-0.0.23", False),
        ("0.0.27", "shipped-0.0.23", False),
        ("0.0.28", "shipped-0.0.29", False),
        ("0.0.29", "shipped-0.0.29", False),
        ("0.0.30", "shipped-0.0.29", False),
        ("0.0.31", "shipped-0.0.33", False),
        ("0.0.32", "shipped-0.0.33", False),
        ("0.0.33", "shipped-0.0.33", True),
        ("v0.0.33-nightly.4+abc", "shipped-0.0.33", True),
        ("0.0.45", "shipped-0.0.33", True),
        ("1.0.0", "shipped-0.0.33", True),
    ],
)
def test_a_version_tells_the_build(version: str, rules: str, reconciles: bool) -> None:
    build = build_of(version=version)
    assert (_name(build), build.traits.reconciles_at_start) == (rules, reconciles)


@pytest.mark.parametrize(
    ("migrations", "rules", "reconciles"),
    [
        (0, "shipped-0.0.23", False),
        (30, "shipped-0.0.23", False),
        (31, "shipped-0.0.29", False),
        (32, "shipped-0.0.29", False),
        (33, "shipped-0.0.33", False),
        (37, "shipped-0.0.33", False),
        (38, "shipped-0.0.33", True),
        (40, "shipped-0.0.33", True),
        (54, "shipped-0.0.33", True),
    ],
)
def test_migrations_tell_the_build_where_no_version_does(migrations: int, rules: str, reconciles: bool) -> None:
    build = build_of(version="no version", migrations=migrations, generation=1)
    assert (_name(build), build.traits.reconciles_at_start) == (rules, reconciles)


@pytest.mark.parametrize(
    ("generation", "rules"),
    [(1, "shipped-0.0.29"), (2, "shipped-0.0.33"), (None, "shipped-0.0.33")],
)
def test_the_logs_tell_the_build_where_nothing_else_does(generation: int | None, rules: str) -> None:
    assert _name(build_of(generation=generation)) == rules


def test_what_calls_itself_0_0_28_is_told_by_its_migrations() -> None:
    assert _name(build_of(version="0.0.28", migrations=30)) == "shipped-0.0.28"
    assert _name(build_of(version="0.0.28", migrations=31)) == "shipped-0.0.29"
    assert _name(build_of(version="0.0.28", believed="shipped-0.0.28")) == "shipped-0.0.28"


def test_a_version_counts_more_than_migrations_and_these_more_than_logs() -> None:
    assert _name(build_of(version="0.0.23", migrations=40, generation=2)) == "shipped-0.0.23"
    assert _name(build_of(migrations=30, generation=2)) == "shipped-0.0.23"


def test_a_persons_word_goes_before_all_else_and_a_belief_after() -> None:
    assert _name(build_of(told="shipped-0.0.23", version="0.0.33")) == "shipped-0.0.23"
    assert _name(build_of(believed="shipped-0.0.23", version="0.0.33")) == "shipped-0.0.33"
    assert build_of(told=REFERENCE.name, version="0.0.28") == build_of(version="0.0.28")


@pytest.mark.parametrize("name", [name for name in PROFILES if name != REFERENCE.name])
def test_every_released_profile_is_that_of_a_build(name: str) -> None:
    assert _name(build_of(told=name)) == _name(build_of(believed=name)) == name


def test_who_knows_what_diagnose_knew_is_told_the_same_build() -> None:
    """Acting asks with the belief of the diagnosis; it must not come to another build than the diagnosis did."""
    for version in (None, "0.0.23", "0.0.28", "0.0.31", "0.0.32", "0.0.33"):
        for migrations in (None, *range(len(MIGRATIONS) + 2)):
            for generation in (None, 1, 2):
                judged = build_of(version=version, migrations=migrations, generation=generation)
                acted = build_of(version=version, migrations=migrations, believed=_name(judged))
                assert acted.traits == judged.traits, (version, migrations, generation)


def test_the_table_goes_by_age_and_its_migrations_leave_no_gap() -> None:
    assert list(BUILDS) == sorted(BUILDS, key=lambda build: (build.version, build.first_migration))
    covered = {n for b in BUILDS for n in range(b.first_migration, b.last_migration + 1)}
    assert covered == set(range(len(MIGRATIONS) + 1))


def test_the_simulated_builds_are_of_the_table() -> None:
    for version, build in SIMULATED.items():
        assert build.known in BUILDS
        assert build.known is build_of(version=version)
        assert build.known.first_migration <= build.migrations <= build.known.last_migration


def test_a_protocol_tells_the_data_model() -> None:
    assert [model_of(protocol) for protocol in (None, 1, 2, 3)] == ["v1", "v1", "v2", None]
    assert {build.model for build in BUILDS} == {"v1"}


@pytest.mark.parametrize("text", [None, "", "what", "²", "0.0", "1234567.0.0"])
def test_what_is_no_version_is_none(text: str | None) -> None:
    assert version_number(text) is None
