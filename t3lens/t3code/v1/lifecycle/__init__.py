"""The reducer of the first data model, and the replays built on it."""
