"""Which data model wrote a home: every sign alone tells, and no version number does."""

from __future__ import annotations

import pytest

from t3lens.t3code.data_model import (
    V1_MIGRATIONS,
    DataModel,
    Migration,
    Signs,
    standing,
    unknown_migrations,
    unknown_tables,
)
from t3lens.t3code.home_layout import STATE_SQLITE

KNOWN = tuple(Migration(number, name) for number, name in V1_MIGRATIONS.items())
V1 = Signs(
    databases=(STATE_SQLITE,),
    tables=((STATE_SQLITE, "orchestration_events"), (STATE_SQLITE, "projection_threads")),
    migrations=KNOWN,
    protocol=1,
)


def test_the_first_data_model_is_judged_and_nothing_is_said() -> None:
    said = standing(V1)
    assert (said.model, said.cannot_judge, said.beyond, said.notice) == (
        DataModel.V1,
        None,
        (),
        None,
    )


def test_a_home_without_any_sign_is_judged_by_its_logs() -> None:
    said = standing(Signs())
    assert (said.model, said.cannot_judge, said.notice) == (DataModel.UNKNOWN, None, None)


@pytest.mark.parametrize(
    "signs",
    [
        Signs(databases=("statev2.sqlite",)),
        Signs((STATE_SQLITE,), tables=((STATE_SQLITE, "orchestration_v2_projection_runs"),)),
        Signs((STATE_SQLITE,), migrations=(Migration(38, "OrchestrationV2"),)),
        Signs((STATE_SQLITE,), migrations=(Migration(39, "OrchestrationV2Subagents"),)),
        Signs((STATE_SQLITE,), migrations=(Migration(None, "OrchestrationV2"),)),
        Signs((STATE_SQLITE,), protocol=2),
        Signs(protocol_records=True),
        Signs(
            (STATE_SQLITE, "statev2.sqlite"),
            tables=((STATE_SQLITE, "orchestration_v2_projection_runs"),),
        ),
    ],
)
def test_any_sign_of_the_second_data_model_tells(signs: Signs) -> None:
    said = standing(signs)
    assert said.model is DataModel.V2
    assert said.cannot_judge is not None
    assert "V2" in said.cannot_judge
    assert said.not_checked == "not checked: the home is V2"
    assert said.notice is not None
    assert said.notice.startswith("CANNOT BE JUDGED")


def test_both_side_by_side_are_both_named() -> None:
    said = standing(Signs((STATE_SQLITE, "statev2.sqlite")))
    assert said.model is DataModel.BOTH
    assert said.cannot_judge is not None
    assert {"state.sqlite", "statev2.sqlite"} <= set(said.cannot_judge.replace(",", " ").split())
    assert said.not_checked == "not checked: the home is V2"


@pytest.mark.parametrize(
    "signs",
    [
        Signs((STATE_SQLITE, "statev3.sqlite")),
        Signs((STATE_SQLITE,), tables=((STATE_SQLITE, "orchestration_v3_projection_runs"),)),
        Signs((STATE_SQLITE,), migrations=(Migration(90, "OrchestrationV3"),)),
        Signs((STATE_SQLITE, "statev2.sqlite"), protocol=7),
    ],
)
def test_a_data_model_after_the_second_is_not_known(signs: Signs) -> None:
    said = standing(signs)
    assert said.model is DataModel.UNKNOWN
    assert said.cannot_judge is not None
    assert "does not know" in said.cannot_judge


@pytest.mark.parametrize(
    "signs",
    [
        Signs((STATE_SQLITE,), migrations=(Migration(3, "OrchestrationVersions"),)),
        Signs((STATE_SQLITE,), tables=((STATE_SQLITE, "orchestration_v1_archive"),)),
        Signs((STATE_SQLITE,), tables=((STATE_SQLITE, "my_orchestration_v2_projection_runs"),)),
        Signs((STATE_SQLITE, "statev2.sqlite.bak")),
    ],
)
def test_what_only_looks_like_a_sign_is_none(signs: Signs) -> None:
    assert standing(signs).cannot_judge is None


def test_migrations_up_to_51_are_known_by_name_and_later_ones_lower_the_confidence() -> None:
    assert len(V1_MIGRATIONS) == 51
    assert V1_MIGRATIONS[41] == "AuthSessionClientConnection"
    assert V1_MIGRATIONS[49] == "ProjectionThreadsActiveOrderKey"
    assert V1_MIGRATIONS[51] == "ProjectionThreadMessageContext"
    assert unknown_migrations([*V1_MIGRATIONS.items(), (52, "New"), (40, "Fork")]) == [
        "52 New",
        "40 Fork",
    ]
    said = standing(Signs((STATE_SQLITE,), migrations=(*KNOWN, Migration(52, "New"))))
    assert (said.model, said.cannot_judge) == (DataModel.V1, None)
    assert said.beyond == ("1 unknown migration: 52 New",)
    assert said.notice is not None
    assert "52 New" in said.notice


def test_tables_of_the_judged_families_are_known_or_said() -> None:
    known = [
        "orchestration_events",
        "projection_turns",
        "projection_thread_pull_requests",
        "auth_x",
    ]
    assert unknown_tables([*known, "projection_moods", "orchestration_queue"]) == [
        "orchestration_queue",
        "projection_moods",
    ]
    said = standing(Signs((STATE_SQLITE,), tables=((STATE_SQLITE, "projection_moods"),)))
    assert said.beyond == ("1 unknown table: projection_moods",)
