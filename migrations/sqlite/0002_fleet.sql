-- What is made, who holds it, and what it is made of.

CREATE TABLE custodian (
    id         BLOB   NOT NULL PRIMARY KEY,
    code       TEXT   NOT NULL UNIQUE,
    name       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    country    TEXT   NOT NULL DEFAULT '',
    city       TEXT   NOT NULL DEFAULT '',
    sgln       TEXT   NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);

CREATE TABLE model (
    id              BLOB   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL UNIQUE,
    description     TEXT   NOT NULL DEFAULT '',
    poll_interval_s BIGINT NOT NULL,
    sgtin           TEXT   NOT NULL DEFAULT ''
);

CREATE TABLE batch (
    id         BLOB   NOT NULL PRIMARY KEY,
    code       TEXT   NOT NULL UNIQUE,
    factory_id BLOB   NOT NULL REFERENCES custodian (id),
    model_id   BLOB   NOT NULL REFERENCES model (id),
    quota      BIGINT,
    started_at BIGINT NOT NULL
);
CREATE INDEX batch_factory ON batch (factory_id);

-- Times that may be missing are 0, texts that may be missing are empty: keyset paging needs values that compare.
CREATE TABLE device (
    id                    BLOB   NOT NULL PRIMARY KEY,
    serial                TEXT   NOT NULL,
    model_id              BLOB   NOT NULL REFERENCES model (id),
    hardware_revision     TEXT   NOT NULL DEFAULT '',
    batch_id              BLOB   NOT NULL REFERENCES batch (id),
    factory_id            BLOB   NOT NULL REFERENCES custodian (id),
    custodian_id          BLOB   NOT NULL REFERENCES custodian (id),
    place                 TEXT   NOT NULL DEFAULT '',
    lifecycle             TEXT   NOT NULL,
    trust                 TEXT   NOT NULL,
    channel               TEXT   NOT NULL DEFAULT 'production',
    firmware              TEXT   NOT NULL DEFAULT '',
    firmware_key          TEXT   NOT NULL DEFAULT '',       -- sorts as versions do
    made_at               BIGINT NOT NULL,
    last_seen_at          BIGINT NOT NULL DEFAULT 0,
    certificate_serial    TEXT   NOT NULL DEFAULT '',
    certificate_not_after BIGINT NOT NULL DEFAULT 0,
    manifest_version      BIGINT NOT NULL DEFAULT 0,
    manifest_hash         TEXT   NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE UNIQUE INDEX device_serial ON device (serial);
CREATE INDEX device_model ON device (model_id, serial);
CREATE INDEX device_batch ON device (batch_id, serial);
CREATE INDEX device_custodian ON device (custodian_id, serial);
CREATE INDEX device_revision ON device (hardware_revision, serial);
CREATE INDEX device_lifecycle ON device (lifecycle, serial);
CREATE INDEX device_trust ON device (trust, serial);
CREATE INDEX device_firmware ON device (firmware_key, serial);
CREATE INDEX device_made ON device (made_at, serial);
CREATE INDEX device_seen ON device (last_seen_at, serial);
CREATE INDEX device_model_seen ON device (model_id, last_seen_at);
CREATE INDEX device_certificate ON device (certificate_not_after, serial);

-- The catalogue of part types: few, named by very many components.
CREATE TABLE part (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    class TEXT NOT NULL,
    maker TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (class, maker, model)
);

CREATE TABLE component (
    device_id       BLOB   NOT NULL REFERENCES device (id),
    id              BLOB   NOT NULL,
    part_id         BIGINT NOT NULL REFERENCES part (id),
    slot            TEXT   NOT NULL,
    identifier      TEXT   NOT NULL,
    identifier_key  TEXT   NOT NULL,
    fitted_at       BIGINT NOT NULL,
    fitted_version  BIGINT NOT NULL,
    removed_at      BIGINT NOT NULL DEFAULT 0,              -- 0: still fitted
    removed_version BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, id)
) WITHOUT ROWID;
CREATE INDEX component_identifier ON component (identifier_key);
CREATE INDEX component_part ON component (part_id, device_id) WHERE removed_at = 0;

CREATE TABLE manifest (
    device_id     BLOB   NOT NULL REFERENCES device (id),
    version       BIGINT NOT NULL,
    hash          TEXT   NOT NULL,
    previous_hash TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    reason        TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (device_id, version)
) WITHOUT ROWID;

CREATE TABLE history (
    device_id      BLOB   NOT NULL REFERENCES device (id),
    at             BIGINT NOT NULL,
    id             BLOB   NOT NULL,
    recorded_at    BIGINT NOT NULL,
    kind           TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    place          TEXT   NOT NULL DEFAULT '',
    event          TEXT   NOT NULL,
    epcis_event_id TEXT,
    PRIMARY KEY (device_id, at, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX history_epcis ON history (device_id, epcis_event_id) WHERE epcis_event_id IS NOT NULL;
CREATE INDEX history_finding ON history (at) WHERE kind IN ('hardware_mismatch', 'clone_suspected');

-- EPCIS events as they came, so that they can be given back word for word.
CREATE TABLE epcis_event (
    event_id    TEXT   NOT NULL PRIMARY KEY,
    raw         TEXT   NOT NULL,
    import_id   BLOB,
    recorded_at BIGINT NOT NULL
);

-- How many devices have which value, kept in the transactions that change devices: reading it costs the same at any size.
CREATE TABLE fleet_count (
    dimension TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (dimension, value)
) WITHOUT ROWID;
