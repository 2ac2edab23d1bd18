"""The lanes that only threads of the second data model have: attempts, provider turns, nodes and the outbox.

Runs stand in the lane of turns, and questions in that of requests, where they mean the same in both models.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SECOND_LANES"]

# What a picture tells apart; the status itself stands in the title.
_STATE: Final = """
CASE {0} WHEN 'succeeded' THEN 'completed' WHEN 'failed' THEN 'error' WHEN 'cancelled' THEN 'interrupted'
         WHEN 'rolled_back' THEN 'interrupted' WHEN 'superseded' THEN 'stopped' ELSE {0} END
"""

_ATTEMPTS: Final = f"""
SELECT 'attempts' AS lane, 'attempt:' || attempt_id AS id, run_id AS turn_id, epoch_us(started_at) AS start_us,
       epoch_us(completed_at) AS end_us, completed_at IS NULL AND status IN ('pending', 'running') AS open,
       {_STATE.format("status")} AS state, 'attempt ' || ordinal || ' ' || status AS title,
       json_object('attempt', attempt_id, 'run', run_id, 'reason', reason, 'provider', provider_name) AS facts
FROM run_attempts
WHERE home_id = ? AND thread_id = ? AND started_at IS NOT NULL
"""

_PROVIDER_TURNS: Final = f"""
SELECT 'provider-turns' AS lane, 'provider-turn:' || t.provider_turn_id AS id, a.run_id AS turn_id,
       epoch_us(t.started_at) AS start_us, epoch_us(t.completed_at) AS end_us,
       t.completed_at IS NULL AND t.status IN ('pending', 'running') AS open,
       {_STATE.format("t.status")} AS state, 'provider turn ' || t.status AS title,
       json_object('provider turn', t.provider_turn_id, 'native', t.native_id, 'attempt', t.attempt_id) AS facts
FROM provider_turns AS t LEFT JOIN run_attempts AS a ON a.home_id = t.home_id AND a.attempt_id = t.attempt_id
WHERE t.home_id = ? AND t.thread_id = ? AND t.started_at IS NOT NULL
"""

_NODES: Final = f"""
SELECT 'nodes' AS lane, 'node:' || node_id AS id, run_id AS turn_id, epoch_us(started_at) AS start_us,
       epoch_us(completed_at) AS end_us, completed_at IS NULL AND status IN ('pending', 'running', 'waiting') AS open,
       {_STATE.format("status")} AS state, replace(kind, '_', ' ') || ' ' || status AS title,
       json_object('node', node_id, 'kind', kind, 'run', run_id, 'request', request_id) AS facts
FROM nodes
WHERE home_id = ? AND thread_id = ? AND started_at IS NOT NULL
"""

# An effect that hangs is open to the end of the picture: nothing reads its lease.
_EFFECTS: Final = f"""
SELECT 'effects' AS lane, 'effect:' || effect_id AS id, run_id AS turn_id, epoch_us(created_at) AS start_us,
       epoch_us(coalesce(completed_at, CASE WHEN status IN ('pending', 'running') THEN NULL ELSE updated_at END)) AS end_us,
       status IN ('pending', 'running') AS open, {_STATE.format("status")} AS state,
       effect_type || ' ' || status AS title,
       json_object('effect', effect_id, 'command', command_id, 'attempts', attempt_count,
                   'lease until', strftime(lease_expires_at, '%H:%M:%S.%g UTC'), 'last error', last_error) AS facts
FROM effects
WHERE home_id = ? AND thread_id = ? AND created_at IS NOT NULL
"""

SECOND_LANES: Final = (_ATTEMPTS, _PROVIDER_TURNS, _NODES, _EFFECTS)
"""Each a query for a thread's spans of one lane."""
