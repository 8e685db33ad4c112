-- What is cut off, by whom, and how that spreads.

-- One act. Append-only but for its progress.
CREATE TABLE revocation (
    id               BLOB   NOT NULL PRIMARY KEY,
    scope            TEXT   NOT NULL,                       -- certificate, device, selection, batch, factory
    act              TEXT   NOT NULL,                       -- hold, revoke, release
    subject          TEXT   NOT NULL,                         -- a serial, AUTHORITY/SERIAL, a batch's or a factory's code
    query            TEXT   NOT NULL DEFAULT '',            -- the fleet query of a selection
    reason           TEXT   NOT NULL,
    note             TEXT   NOT NULL DEFAULT '',
    preview          TEXT   NOT NULL,                       -- JSON: what was shown to whoever asked
    preview_hash     TEXT   NOT NULL,
    state            TEXT   NOT NULL,
    requested_by     TEXT   NOT NULL,
    requested_at     BIGINT NOT NULL,
    approved_by      TEXT   NOT NULL DEFAULT '',
    approval_id      BLOB,
    effective_at     BIGINT NOT NULL DEFAULT 0,
    total            BIGINT NOT NULL DEFAULT 0,             -- certificates whose records are to follow
    applied          BIGINT NOT NULL DEFAULT 0,
    cursor_authority BLOB,                                   -- up to where they have followed
    cursor_serial    TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX revocation_state ON revocation (state, id);
CREATE INDEX revocation_approval ON revocation (approval_id);

-- The devices that an act on a selection is bound to while it waits for a second person.
CREATE TABLE revocation_device (
    revocation_id BLOB   NOT NULL,
    device_id     BLOB   NOT NULL REFERENCES device (id),
    PRIMARY KEY (revocation_id, device_id)
) WITHOUT ROWID;

-- What was revoked one by one. Never deleted; what is released or revoked for good after a hold is lifted.
CREATE TABLE revoked (
    authority_id  BLOB   NOT NULL REFERENCES authority (id),
    serial        TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    revocation_id BLOB   NOT NULL,                           -- all zeros for what was superseded
    reason        BIGINT NOT NULL,                          -- CRLReason
    lifted_at     BIGINT NOT NULL DEFAULT 0,
    lifted_by     BLOB,
    PRIMARY KEY (authority_id, serial, revocation_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX revoked_once ON revoked (authority_id, serial) WHERE lifted_at = 0;
CREATE INDEX revoked_of ON revoked (revocation_id, authority_id, serial);
CREATE INDEX revoked_lifted ON revoked (lifted_by, authority_id, serial) WHERE lifted_at > 0;

-- What an authority signed is cut off by one row, however much that is.
CREATE TABLE authority_cut (
    authority_id  BLOB   NOT NULL REFERENCES authority (id),
    revocation_id BLOB   NOT NULL,
    at            BIGINT NOT NULL,
    act           TEXT   NOT NULL,                          -- hold, revoke
    reason        BIGINT NOT NULL,                          -- CRLReason
    state_before  TEXT   NOT NULL,                          -- of the authority, for when it is released
    lifted_at     BIGINT NOT NULL DEFAULT 0,
    lifted_by     BLOB,
    PRIMARY KEY (authority_id, revocation_id)
) WITHOUT ROWID;
CREATE INDEX authority_cut_of ON authority_cut (revocation_id);
CREATE INDEX authority_cut_lifted ON authority_cut (lifted_by);

-- Every CRL that was published. Of old ones the content is dropped; number and hash stay.
CREATE TABLE crl (
    authority_id   BLOB   NOT NULL REFERENCES authority (id),
    number         BIGINT NOT NULL,
    der            BLOB NOT NULL,
    sha256         TEXT   NOT NULL,
    entries        BIGINT NOT NULL,
    entries_sha256 TEXT   NOT NULL,                         -- of what is listed: whether anything is new
    this_update    BIGINT NOT NULL,
    next_update    BIGINT NOT NULL,
    PRIMARY KEY (authority_id, number)
);

CREATE TABLE spread (
    revocation_id BLOB   NOT NULL,
    channel       TEXT   NOT NULL,
    node          TEXT   NOT NULL,
    minute        BIGINT NOT NULL,
    n             BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    PRIMARY KEY (revocation_id, channel, node, minute)
) WITHOUT ROWID;

-- Which devices came back after an act and were refused.
CREATE TABLE came_back (
    revocation_id BLOB   NOT NULL,
    device_id     BLOB   NOT NULL REFERENCES device (id),
    n             BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    address       TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (revocation_id, device_id)
) WITHOUT ROWID;

-- What an authority signed, without reading the certificates themselves: CRLs of a whole batch come from this index alone.
CREATE INDEX certificate_listed ON certificate (authority_id, serial, not_after, purpose, device_id);
-- Whoever listens for one topic does not read the others.
CREATE INDEX change_topic ON change (topic, seq);
