-- Programs elsewhere that are told what happens. A secret is derived from how often it was changed, so none is kept.
CREATE TABLE webhook (
    id         BLOB   NOT NULL PRIMARY KEY,
    url        TEXT   NOT NULL,
    kinds      TEXT   NOT NULL,                             -- which events it is told of, words with spaces between
    state      TEXT   NOT NULL,                             -- active, paused
    note       TEXT   NOT NULL,                             -- why it stands so; may be empty
    generation BIGINT NOT NULL,
    troubles   BIGINT NOT NULL,                             -- how often in a row the receiver did not work
    wait_until BIGINT NOT NULL,                             -- nothing is sent before that
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- What was told, made of one row of the bell each.
CREATE TABLE webhook_event (
    id   BLOB   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL UNIQUE,                            -- of that row
    kind TEXT   NOT NULL,
    at   BIGINT NOT NULL,
    body TEXT   NOT NULL                                    -- JSON as it is sent; empty where nobody wanted to know
);
CREATE INDEX webhook_event_at ON webhook_event (at);

CREATE TABLE webhook_delivery (
    webhook_id BLOB   NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,                             -- of the event
    event_id   BLOB   NOT NULL REFERENCES webhook_event (id) ON DELETE CASCADE,
    state      TEXT   NOT NULL,                             -- owed, delivered, dead
    attempts   BIGINT NOT NULL,
    owed_at    BIGINT NOT NULL,                             -- since when; it is tried for a day
    next_at    BIGINT NOT NULL,                             -- it is not tried before that
    last_at    BIGINT NOT NULL,                             -- when it was tried last; 0 for never
    status     BIGINT NOT NULL,                             -- of HTTP, as it was answered last; 0 for no answer
    note       TEXT   NOT NULL,                             -- what went wrong last
    PRIMARY KEY (webhook_id, seq)
);
CREATE INDEX webhook_delivery_owed ON webhook_delivery (webhook_id, seq) WHERE state = 'owed';
CREATE INDEX webhook_delivery_event ON webhook_delivery (event_id);
