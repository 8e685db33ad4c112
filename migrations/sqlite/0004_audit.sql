-- The audit chain, and the one bell.

CREATE TABLE audit (
    seq           BIGINT NOT NULL PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor_kind    TEXT   NOT NULL,
    actor_id      TEXT   NOT NULL,
    actor_name    TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    outcome       TEXT   NOT NULL,
    detail        TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    previous_hash TEXT   NOT NULL,
    hash          TEXT   NOT NULL
);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_actor ON audit (actor_name, seq);
CREATE INDEX audit_subject ON audit (subject, seq);

-- One row: the end of the chain. Updating it first makes writers wait for each other, so that the chain never forks.
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Whatever must be told to others: another node's memory, an open page.
CREATE TABLE change (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      BIGINT NOT NULL,
    topic   TEXT   NOT NULL,                                -- device, import, people, custodian, …
    subject TEXT   NOT NULL
);
CREATE INDEX change_at ON change (at);
