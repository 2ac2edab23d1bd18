"""T3 Code's second data model (October 2026): tables, statuses, effects, events, log records, commands and rules.

Runs, attempts, nodes and provider turns take the place of sessions and turns, and an outbox of effects that of the
command reactor. Its projections are the working state; its event store is a catch-up log with gaps.
"""
