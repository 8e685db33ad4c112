-- Releases: what devices can be updated to, how far each is on its way to production, and who let it go on.

-- The stage is a fold of release_stage, written down. What a release is never changes.
CREATE TABLE release (
    id          BLOB   NOT NULL PRIMARY KEY,
    product     TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    version_key TEXT   NOT NULL,                            -- sorts as versions do
    kind        TEXT   NOT NULL,                            -- swu, rauc, deb, ostree
    models      TEXT   NOT NULL,                            -- JSON: the names of the models that it fits
    revisions   TEXT   NOT NULL,                            -- JSON: hardware revisions; none for all
    notes       TEXT   NOT NULL DEFAULT '',
    stage       TEXT   NOT NULL,                            -- dev, staging, production, withdrawn
    stage_at    BIGINT NOT NULL,
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (product, version)
);
CREATE INDEX release_in_stage ON release (stage, id);

-- Every step of a release, with what the gates said then. Append-only.
CREATE TABLE release_stage (
    release_id  BLOB   NOT NULL REFERENCES release (id),
    id          BLOB   NOT NULL,
    at          BIGINT NOT NULL,
    before      TEXT   NOT NULL DEFAULT '',                 -- empty for the first
    stage       TEXT   NOT NULL,
    by_name     TEXT   NOT NULL,
    approved_by TEXT   NOT NULL DEFAULT '',
    reason      TEXT   NOT NULL DEFAULT '',
    gates       TEXT   NOT NULL DEFAULT '[]',               -- JSON
    PRIMARY KEY (release_id, id)
) WITHOUT ROWID;

-- What was checked of a release, as it was told. The last one of a name counts. Append-only.
CREATE TABLE release_check (
    release_id BLOB   NOT NULL REFERENCES release (id),
    id         BLOB   NOT NULL,
    at         BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    state      TEXT   NOT NULL,                             -- pending, passed, failed
    url        TEXT   NOT NULL DEFAULT '',
    by_name    TEXT   NOT NULL,
    PRIMARY KEY (release_id, id)
) WITHOUT ROWID;

-- The files of releases, which lie on the shelf by their SHA-256. Devices know one by its number.
CREATE TABLE artifact (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    release_id BLOB   NOT NULL REFERENCES release (id),
    file_name  TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    md5        TEXT   NOT NULL,
    sha1       TEXT   NOT NULL,
    sha256     TEXT   NOT NULL,
    signers    TEXT   NOT NULL,                             -- JSON: the certificates of who signed it
    hardware   TEXT   NOT NULL,                             -- JSON: the revisions that the file says it is for
    images     TEXT   NOT NULL,                             -- JSON: what is in it
    checked_at BIGINT NOT NULL,                             -- when it was last found whole and well signed
    UNIQUE (release_id, file_name)
);

-- What a release is made of, as its bill of materials says. The document itself lies on the shelf.
CREATE TABLE sbom (
    release_id BLOB   NOT NULL PRIMARY KEY REFERENCES release (id),
    format     TEXT   NOT NULL,                             -- cyclonedx, spdx
    sha256     TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    components BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    by_name    TEXT   NOT NULL
);
CREATE TABLE sbom_component (
    release_id BLOB   NOT NULL REFERENCES release (id),
    n          BIGINT NOT NULL,                             -- from 1, by name
    name       TEXT   NOT NULL,
    name_key   TEXT   NOT NULL,                             -- in small letters
    version    TEXT   NOT NULL DEFAULT '',
    purl       TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (release_id, n)
) WITHOUT ROWID;
CREATE INDEX sbom_component_name ON sbom_component (name_key, version, release_id);

-- What a model asks of a release before it may enter a stage.
CREATE TABLE stage_rule (
    model_id      BLOB   NOT NULL REFERENCES model (id),
    stage         TEXT   NOT NULL,                          -- staging, production
    checks        TEXT   NOT NULL,                          -- JSON: names
    soak_hours    BIGINT NOT NULL,
    verified      BIGINT NOT NULL,
    second_person BIGINT NOT NULL,                          -- 1: somebody else approves
    changed_at    BIGINT NOT NULL,
    changed_by    TEXT   NOT NULL,
    PRIMARY KEY (model_id, stage)
) WITHOUT ROWID;

-- Files on their way here. What is counted as received is durable.
CREATE TABLE upload (
    id         BLOB   NOT NULL PRIMARY KEY,
    owner      TEXT   NOT NULL,                             -- user:ID, token:ID
    by_name    TEXT   NOT NULL,
    node       TEXT   NOT NULL,                             -- in which data folder it lies
    file_name  TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    sha256     TEXT   NOT NULL DEFAULT '',                  -- what it is to be, where that was said
    received   BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    release_id BLOB                                         -- what was made of it
);
CREATE INDEX upload_owner ON upload (owner, sha256, id);
CREATE INDEX upload_expires ON upload (expires_at);

-- How many devices of a model run a version.
CREATE INDEX device_model_firmware ON device (model_id, firmware_key);
