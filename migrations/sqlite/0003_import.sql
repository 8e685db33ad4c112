-- Imports: each is checked whole, kept on disk, then applied in pieces that a restart continues.

CREATE TABLE import (
    id             BLOB    NOT NULL PRIMARY KEY,
    file_name      TEXT    NOT NULL,
    format         TEXT    NOT NULL,                        -- csv, jsonl, epcis
    sha256         TEXT    NOT NULL,
    size           BIGINT  NOT NULL,
    dry_run        BOOLEAN NOT NULL,
    skip_bad_rows  BOOLEAN NOT NULL,
    state          TEXT    NOT NULL,                        -- received, checking, applying, done, refused, failed, cancelled
    actor          TEXT    NOT NULL,
    node           TEXT    NOT NULL,                        -- whose data folder holds the file
    rows_checked   BIGINT  NOT NULL DEFAULT 0,
    rows_applied   BIGINT  NOT NULL DEFAULT 0,
    bytes_done     BIGINT  NOT NULL DEFAULT 0,
    added          BIGINT  NOT NULL DEFAULT 0,
    unchanged      BIGINT  NOT NULL DEFAULT 0,
    bad            BIGINT  NOT NULL DEFAULT 0,
    left_out       BIGINT  NOT NULL DEFAULT 0,
    message        TEXT    NOT NULL DEFAULT '',
    created_at     BIGINT  NOT NULL,
    finished_at    BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX import_created ON import (created_at);
CREATE INDEX import_state ON import (state);

CREATE TABLE import_problem (
    import_id BLOB   NOT NULL REFERENCES import (id),
    seq       BIGINT NOT NULL,
    line      BIGINT NOT NULL,
    column_name TEXT NOT NULL,
    severity  TEXT   NOT NULL,                              -- bad or left
    code      TEXT   NOT NULL,
    message   TEXT   NOT NULL,
    PRIMARY KEY (import_id, seq)
);

-- The prefixes that the document of an event declared, as JSON: without them its extensions mean nothing.
ALTER TABLE epcis_event ADD COLUMN context TEXT NOT NULL DEFAULT '';
