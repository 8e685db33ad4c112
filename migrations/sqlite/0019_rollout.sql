-- Rollouts, and what becomes of them on devices.

-- Every device has a small number, so that a set of a million devices is a few kilobytes.
ALTER TABLE device ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE device SET number = numbered.n FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM device) AS numbered
WHERE numbered.id = device.id;
CREATE UNIQUE INDEX device_number ON device (number);
-- The zone that it reports, by its name in the IANA database.
ALTER TABLE device ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';

CREATE TABLE rollout (
    id             BLOB   NOT NULL PRIMARY KEY,
    code           TEXT   NOT NULL UNIQUE,                  -- its word in addresses
    name           TEXT   NOT NULL,
    release_id     BLOB   NOT NULL,
    state          TEXT   NOT NULL,
    is_active      BIGINT NOT NULL DEFAULT 0,               -- 1 while devices have to do with it
    plan           TEXT   NOT NULL,                         -- JSON
    frozen         TEXT   NOT NULL DEFAULT '',              -- JSON: what was frozen of it; empty before
    hash           TEXT   NOT NULL DEFAULT '',              -- of both
    approved_hash  TEXT   NOT NULL DEFAULT '',
    authors        TEXT   NOT NULL,                         -- whoever wrote at it, a line each
    created_by     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    submitted_by   TEXT   NOT NULL DEFAULT '',
    submitted_at   BIGINT NOT NULL DEFAULT 0,
    approval_id    BLOB,
    approved_by    TEXT   NOT NULL DEFAULT '',
    started_at     BIGINT NOT NULL DEFAULT 0,
    ended_at       BIGINT NOT NULL DEFAULT 0,
    wave           BIGINT NOT NULL DEFAULT -1,              -- the one that was opened last
    wave_opened_at BIGINT NOT NULL DEFAULT 0,
    accepted       TEXT   NOT NULL DEFAULT '[]',            -- JSON: by wave, what a person let go on in spite of
    reverting      BIGINT NOT NULL DEFAULT 0,               -- 1 while devices are taken back
    joined         TEXT   NOT NULL DEFAULT '[]',            -- JSON: by wave, how many of which cohort joined
    reason         TEXT   NOT NULL DEFAULT '',              -- why it stands as it does
    version        BIGINT NOT NULL DEFAULT 0                -- grows with every change
);
CREATE INDEX rollout_state ON rollout (state, id);
CREATE INDEX rollout_active ON rollout (is_active, id);
CREATE INDEX rollout_release ON rollout (release_id, id);

-- Who it is for: bitmaps of devices' numbers. `target` is what was approved, `joined` who came since, `wave:N` those whom
-- the query of a wave meant.
CREATE TABLE rollout_target (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    part       TEXT   NOT NULL,
    members    BLOB   NOT NULL,
    PRIMARY KEY (rollout_id, part)
);

-- What was done with it, by whom. Append-only.
CREATE TABLE rollout_event (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    id         BLOB   NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT   NOT NULL,
    deed       TEXT   NOT NULL,
    wave       BIGINT NOT NULL DEFAULT -1,
    words      TEXT   NOT NULL,
    detail     TEXT   NOT NULL DEFAULT '',                  -- JSON: what it was decided by
    PRIMARY KEY (rollout_id, id)
) WITHOUT ROWID;

-- What becomes of it on a device, from the first offer on. Never deleted.
CREATE TABLE update_action (
    id             BIGINT NOT NULL PRIMARY KEY,             -- what devices know it by
    rollout_id     BLOB   NOT NULL REFERENCES rollout (id),
    device_id      BLOB   NOT NULL REFERENCES device (id),
    device_number  BIGINT NOT NULL,
    kind           TEXT   NOT NULL,
    wave           BIGINT NOT NULL,
    cohort         BIGINT NOT NULL,
    release_id     BLOB   NOT NULL,
    version        TEXT   NOT NULL,
    from_version   TEXT   NOT NULL,
    revision       TEXT   NOT NULL,                         -- of the hardware
    attempt        BIGINT NOT NULL,
    state          TEXT   NOT NULL,
    is_open        BIGINT NOT NULL,                         -- 1 until nothing more is expected of the device
    offered_at     BIGINT NOT NULL,
    changed_at     BIGINT NOT NULL,
    due_at         BIGINT NOT NULL DEFAULT 0,
    reported_at    BIGINT NOT NULL DEFAULT 0,
    soak_until     BIGINT NOT NULL DEFAULT 0,
    retry_at       BIGINT NOT NULL DEFAULT 0,
    refused_stop   BIGINT NOT NULL DEFAULT 0,
    code           TEXT   NOT NULL DEFAULT '',
    reason         TEXT   NOT NULL DEFAULT '',
    said           BIGINT NOT NULL DEFAULT 0                -- how often the device said something of it
);
CREATE UNIQUE INDEX update_action_open ON update_action (device_id) WHERE is_open = 1;
CREATE UNIQUE INDEX update_action_once ON update_action (rollout_id, device_id, kind, attempt);
CREATE INDEX update_action_device ON update_action (device_id, id);
CREATE INDEX update_action_state ON update_action (rollout_id, state, id);
CREATE INDEX update_action_of ON update_action (rollout_id, id);
CREATE INDEX update_action_due ON update_action (due_at) WHERE due_at > 0;

-- What devices said of it, as they said it, cut. Append-only; of each action so many at most.
CREATE TABLE update_feedback (
    action_id BIGINT NOT NULL REFERENCES update_action (id),
    n         BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    execution TEXT   NOT NULL,
    finished  TEXT   NOT NULL,
    code      TEXT   NOT NULL DEFAULT '',
    details   TEXT   NOT NULL DEFAULT '[]',                 -- JSON
    PRIMARY KEY (action_id, n)
) WITHOUT ROWID;

-- How many devices are how far, moved in the transaction that moves an action. In shards, so that devices don't wait for
-- each other.
CREATE TABLE rollout_count (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    kind       TEXT   NOT NULL,
    wave       BIGINT NOT NULL,
    cohort     BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    shard      BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, kind, wave, cohort, state, shard)
) WITHOUT ROWID;

-- Failures by what the client said and the hardware, likewise.
CREATE TABLE rollout_failure (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    code       TEXT   NOT NULL,
    revision   TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    reason     TEXT   NOT NULL,                             -- of the last one
    last_at    BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, code, revision)
) WITHOUT ROWID;

-- How many devices were told in which minute, for rollouts with a limit.
CREATE TABLE rollout_rate (
    rollout_id BLOB   NOT NULL PRIMARY KEY REFERENCES rollout (id),
    minute     BIGINT NOT NULL,
    n          BIGINT NOT NULL
);
