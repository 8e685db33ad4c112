-- The certification authority: who signs, what was signed, what waits for a second person, what does not fit.

CREATE TABLE authority (
    id           BLOB   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    name         TEXT   NOT NULL UNIQUE,
    slug         TEXT   NOT NULL UNIQUE,                   -- stands in addresses: /crl/SLUG.crl
    parent_id    BLOB,
    factory_id   BLOB            REFERENCES custodian (id),
    batch_id     BLOB            REFERENCES batch (id),
    state        TEXT   NOT NULL,
    key_location TEXT   NOT NULL DEFAULT '',                  -- file:NAME.pem, pkcs11:…, offline
    request      BLOB,                                     -- PKCS#10, while its certificate is awaited
    certificate  BLOB,
    serial       TEXT   NOT NULL DEFAULT '',                  -- of its certificate, in hexadecimal
    key_id       TEXT   NOT NULL DEFAULT '',                -- subject key identifier, in hexadecimal
    not_before   BIGINT NOT NULL DEFAULT 0,
    not_after    BIGINT NOT NULL DEFAULT 0,
    quota        BIGINT,
    issued       BIGINT NOT NULL DEFAULT 0,                   -- certificates of devices, counted against the quota
    days         BIGINT NOT NULL DEFAULT 0,                   -- how long its own certificate was asked for
    delegated    BIGINT NOT NULL DEFAULT 0,                   -- 1: a factory holds the key too
    requested_by TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    activated_at BIGINT NOT NULL DEFAULT 0,
    state_at     BIGINT NOT NULL
);
CREATE INDEX authority_batch ON authority (batch_id);
CREATE INDEX authority_factory ON authority (factory_id);
CREATE INDEX authority_key ON authority (key_id);

-- Further certificates for an authority's key: cross-certificates by which old firmware finds an old root.
CREATE TABLE authority_link (
    id           BLOB   NOT NULL PRIMARY KEY,
    authority_id BLOB   NOT NULL REFERENCES authority (id),
    certificate  BLOB  NOT NULL,
    issuer_name  TEXT   NOT NULL,
    not_after    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX authority_link_of ON authority_link (authority_id);

CREATE TABLE certificate (
    id                BLOB   NOT NULL PRIMARY KEY,
    authority_id      BLOB   NOT NULL REFERENCES authority (id),
    serial            TEXT   NOT NULL,                      -- in hexadecimal, lower case
    purpose           TEXT   NOT NULL,
    device_id         BLOB            REFERENCES device (id),
    device_serial     TEXT   NOT NULL DEFAULT '',
    factory_id        BLOB            REFERENCES custodian (id), -- a station's
    name              TEXT   NOT NULL,
    der               BLOB  NOT NULL,
    public_key_sha256 TEXT   NOT NULL,
    status            TEXT   NOT NULL,
    reason            TEXT   NOT NULL DEFAULT '',
    status_at         BIGINT NOT NULL,
    not_before        BIGINT NOT NULL,
    not_after         BIGINT NOT NULL,
    issued_at         BIGINT NOT NULL,
    issued_by         TEXT   NOT NULL,
    first_used_at     BIGINT NOT NULL DEFAULT 0,
    replaces          BLOB,
    UNIQUE (authority_id, serial)
);
CREATE INDEX certificate_device ON certificate (device_id);
CREATE INDEX certificate_device_serial ON certificate (device_serial);
CREATE INDEX certificate_key ON certificate (public_key_sha256);
CREATE INDEX certificate_expiry ON certificate (not_after, id);
CREATE INDEX certificate_status ON certificate (authority_id, status);
CREATE INDEX certificate_purpose ON certificate (purpose, id);
CREATE INDEX certificate_replaced ON certificate (replaces);

-- A key is one device's: it may have several certificates (renewed with the same key), another device none.
CREATE TABLE key_owner (
    public_key_sha256 TEXT   NOT NULL PRIMARY KEY,
    owner             TEXT   NOT NULL                          -- a device's serial, or station:NAME
) WITHOUT ROWID;

-- A device has one certificate at a time that is not a renewal: two stations that enrol it at once find out here.
CREATE TABLE enrolment (
    device_serial  TEXT   NOT NULL PRIMARY KEY,
    certificate_id BLOB   NOT NULL
) WITHOUT ROWID;

CREATE TABLE approval (
    id                BLOB   NOT NULL PRIMARY KEY,
    kind              TEXT   NOT NULL,
    subject           TEXT   NOT NULL,
    title             TEXT   NOT NULL,
    detail            TEXT   NOT NULL,                         -- JSON, exactly what is shown
    hash              TEXT   NOT NULL,
    state             TEXT   NOT NULL,
    requested_by_kind TEXT   NOT NULL,
    requested_by      TEXT   NOT NULL,
    requested_by_name TEXT   NOT NULL,
    makers            TEXT   NOT NULL DEFAULT '',              -- the person behind the requester: a token's maker
    requested_at      BIGINT NOT NULL,
    decided_by        TEXT   NOT NULL DEFAULT '',
    decided_by_name   TEXT   NOT NULL DEFAULT '',
    decided_at        BIGINT NOT NULL DEFAULT 0,
    reason            TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX approval_state ON approval (state, id);
CREATE INDEX approval_subject ON approval (subject, id);

CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The weaker trust: a secret that device and Muster share. Only its hash is kept.
CREATE TABLE device_token (
    device_id    BLOB   NOT NULL PRIMARY KEY REFERENCES device (id),
    hash         TEXT   NOT NULL UNIQUE,
    made_at      BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    next_hash    TEXT            UNIQUE,                       -- asked for by the device; counts from its first use on
    next_at      BIGINT NOT NULL DEFAULT 0,
    due_at       BIGINT NOT NULL DEFAULT 0                     -- since when earlier holders of the device may know it
);

CREATE TABLE finding (
    id           BLOB   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    cause        TEXT   NOT NULL UNIQUE,                    -- what it is about, in one word: the same again only counts up
    batch_id     BLOB            REFERENCES batch (id),
    authority_id BLOB            REFERENCES authority (id),
    device_id    BLOB            REFERENCES device (id),
    detail       TEXT   NOT NULL,                              -- JSON
    n            BIGINT NOT NULL,
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    state        TEXT   NOT NULL
);
CREATE INDEX finding_state ON finding (state, last_at);
CREATE INDEX finding_batch ON finding (batch_id, state);
