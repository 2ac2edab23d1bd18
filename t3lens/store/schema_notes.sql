-- What people wrote down about moments of threads. Nothing of it comes from a home, and nothing goes there.
CREATE TABLE IF NOT EXISTS _notes (
    note_id VARCHAR PRIMARY KEY,
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR NOT NULL,
    about TIMESTAMPTZ NOT NULL,
    text VARCHAR NOT NULL,
    written_at TIMESTAMPTZ NOT NULL
);

CREATE OR REPLACE VIEW notes AS SELECT * FROM _notes;
