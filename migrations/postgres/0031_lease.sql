-- Work in the background that one node does at a time. Whoever renews its lease in time has it; each taking has a token above all before
-- it, by which a holder that hung and woke up is told from the one that took over. On SQLite a locked file does the same, and this stays
-- empty. Times are the database's.
CREATE TABLE lease (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,                             -- a node's id; another word of a command; empty when given back
    token      BIGINT NOT NULL,
    taken_at   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL                              -- 0 when given back
);

-- The nodes that serve this database, or did so within the last week.
CREATE TABLE node (
    id         TEXT   NOT NULL PRIMARY KEY,                 -- of its data folder
    name       TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    stopped_at BIGINT NOT NULL                              -- 0 unless it was stopped in order
);
