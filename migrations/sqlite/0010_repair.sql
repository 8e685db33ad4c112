-- The repair desk: cases, what goes out and in, what is not accounted for since, and vouchers for new keys.

-- Cases are counted by year. The row of year 0 counts nothing: whoever writes manifests by repairs holds it meanwhile.
CREATE TABLE repair_number (
    year BIGINT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO repair_number (year, last) VALUES (0, 0);

CREATE TABLE repair_case (
    id               BLOB   NOT NULL PRIMARY KEY,
    code             TEXT   NOT NULL UNIQUE,                -- R-2611-0042
    device_id        BLOB   NOT NULL REFERENCES device (id),
    state            TEXT   NOT NULL,
    is_open          BIGINT NOT NULL,                       -- 1 until it is closed or cancelled
    symptom          TEXT   NOT NULL,
    technician       TEXT   NOT NULL DEFAULT '',            -- who works on it, by name
    opened_by        TEXT   NOT NULL,
    opened_at        BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    finding_id       BLOB,                                  -- the finding that it explains
    reason           TEXT   NOT NULL DEFAULT '',            -- why parts are changed; stands in the manifest
    expected_version BIGINT NOT NULL DEFAULT 0,             -- the manifest version that the device has to report
    key_changes      BIGINT NOT NULL DEFAULT 0,             -- whether it needs a certificate for a new key
    approval_id      BLOB,
    authorised_by    TEXT   NOT NULL DEFAULT '',
    authorised_at    BIGINT NOT NULL DEFAULT 0,
    closed_by        TEXT   NOT NULL DEFAULT '',
    closed_at        BIGINT NOT NULL DEFAULT 0,
    outcome          TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX repair_case_one_open ON repair_case (device_id) WHERE is_open = 1;
CREATE INDEX repair_case_device ON repair_case (device_id, id);
CREATE INDEX repair_case_state ON repair_case (state, id);
CREATE INDEX repair_case_open ON repair_case (is_open, id);
CREATE INDEX repair_case_technician ON repair_case (technician, is_open, id);
CREATE INDEX repair_case_technician_state ON repair_case (technician, state, id);

-- What goes out of a slot and what comes in, as it was typed: right or not, it is not lost. Once it is authorised, what
-- was meant by it.
CREATE TABLE repair_part (
    case_id        BLOB   NOT NULL REFERENCES repair_case (id),
    slot           TEXT   NOT NULL,
    direction      TEXT   NOT NULL,                         -- out, in
    class          TEXT   NOT NULL,
    maker          TEXT   NOT NULL DEFAULT '',
    model          TEXT   NOT NULL DEFAULT '',
    identifier     TEXT   NOT NULL,
    identifier_key TEXT   NOT NULL DEFAULT '',              -- empty while it identifies nothing
    fate           TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, slot, direction)
) WITHOUT ROWID;

CREATE TABLE repair_note (
    case_id BLOB   NOT NULL REFERENCES repair_case (id),
    id      BLOB   NOT NULL,
    at      BIGINT NOT NULL,
    by_name TEXT   NOT NULL,
    text    TEXT   NOT NULL,
    PRIMARY KEY (case_id, id)
) WITHOUT ROWID;

-- The photos themselves are files of the data folder, by their hash.
CREATE TABLE repair_photo (
    case_id BLOB   NOT NULL REFERENCES repair_case (id),
    id      BLOB   NOT NULL,
    at      BIGINT NOT NULL,
    by_name TEXT   NOT NULL,
    sha256  TEXT   NOT NULL,
    kind    TEXT   NOT NULL,                                -- image/jpeg, image/png, image/webp
    bytes   BIGINT NOT NULL,
    caption TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, id)
) WITHOUT ROWID;

-- Parts that were taken out of a device, until they are scrapped or recorded in another one.
CREATE TABLE tainted_part (
    id             BLOB   NOT NULL PRIMARY KEY,
    identifier     TEXT   NOT NULL,
    identifier_key TEXT   NOT NULL,
    class          TEXT   NOT NULL,
    maker          TEXT   NOT NULL DEFAULT '',
    model          TEXT   NOT NULL DEFAULT '',
    device_id      BLOB   NOT NULL REFERENCES device (id),
    case_id        BLOB   NOT NULL REFERENCES repair_case (id),
    fate           TEXT   NOT NULL,
    since          BIGINT NOT NULL,
    ended_at       BIGINT NOT NULL DEFAULT 0,               -- 0: not accounted for yet
    ended_by       TEXT   NOT NULL DEFAULT '',
    ended_how      TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX tainted_part_once ON tainted_part (identifier_key) WHERE ended_at = 0;
CREATE INDEX tainted_part_case ON tainted_part (case_id, id);
CREATE INDEX tainted_part_device ON tainted_part (device_id, id);
CREATE INDEX tainted_part_open ON tainted_part (ended_at, id);

-- A certificate for one device, fetched once. Only the hash of the voucher is kept.
CREATE TABLE enrolment_voucher (
    id             BLOB   NOT NULL PRIMARY KEY,
    hash           TEXT   NOT NULL UNIQUE,
    device_id      BLOB   NOT NULL REFERENCES device (id),
    case_id        BLOB   NOT NULL REFERENCES repair_case (id),
    made_by        TEXT   NOT NULL,
    made_at        BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    void_at        BIGINT NOT NULL DEFAULT 0,               -- another one took its place
    used_at        BIGINT NOT NULL DEFAULT 0,
    used_key       TEXT   NOT NULL DEFAULT '',              -- SHA-256 of the public key that it was used for
    certificate_id BLOB
);
CREATE INDEX enrolment_voucher_case ON enrolment_voucher (case_id, id);
