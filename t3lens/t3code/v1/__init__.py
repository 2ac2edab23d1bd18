"""T3 Code's first data model (to 0.0.45): its events, its rules, its lifecycle."""
