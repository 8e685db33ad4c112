-- What a finding about several devices explains is told there: that finding is part of it, stands as long as it does, and
-- goes with it.
ALTER TABLE finding ADD COLUMN part_of TEXT;                -- the cause of the finding that it is part of
ALTER TABLE finding ADD COLUMN carried BIGINT NOT NULL DEFAULT 0;  -- of n, how often the others count that it was part of
CREATE INDEX finding_part_of ON finding (part_of, state, cause);

-- When findings were opened, became part of another, and were settled.
CREATE TABLE finding_change (
    id    BLOB   NOT NULL PRIMARY KEY,
    cause TEXT   NOT NULL,
    at    BIGINT NOT NULL,
    state TEXT   NOT NULL
);
CREATE INDEX finding_change_at ON finding_change (at, state);
CREATE INDEX finding_change_cause ON finding_change (cause, at, id);
INSERT INTO finding_change (id, cause, at, state) SELECT randomblob(16), cause, first_at, 'open' FROM finding;
INSERT INTO finding_change (id, cause, at, state)
    SELECT randomblob(16), cause, last_at, 'resolved' FROM finding WHERE state = 'resolved';

-- Where a device said last that it is, in JSON, and when by our clock.
ALTER TABLE device_report ADD COLUMN position TEXT NOT NULL DEFAULT '';
ALTER TABLE device_report ADD COLUMN position_at BIGINT NOT NULL DEFAULT 0;

-- Devices that came with one key, whether they got a certificate for it or not, and how many of a batch did. A key that
-- only one device ever had is not in here.
CREATE TABLE key_copy (
    public_key_sha256 TEXT NOT NULL,
    device_serial     TEXT NOT NULL,
    batch_id          BLOB NOT NULL,
    PRIMARY KEY (public_key_sha256, device_serial)
) WITHOUT ROWID;
CREATE TABLE key_count (
    public_key_sha256 TEXT   NOT NULL,
    batch_id          BLOB   NOT NULL,
    n                 BIGINT NOT NULL,
    PRIMARY KEY (public_key_sha256, batch_id)
) WITHOUT ROWID;
