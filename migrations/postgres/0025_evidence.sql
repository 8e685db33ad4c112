-- What outcomes of devices say of a rollout: who was exposed to what, and sums of what came of it.

-- Devices that an experiment, or a gate that goes by evidence, has to do with: one row from the first offer on, or of a device
-- that is held out from its first poll in an open wave on. What the device was then stays as it was: by that its outcomes are summed.
CREATE TABLE exposure (
    rollout_id UUID   NOT NULL REFERENCES rollout (id),
    device_id  UUID   NOT NULL REFERENCES device (id),
    cohort     BIGINT NOT NULL,
    wave       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    traits     TEXT   NOT NULL,                             -- JSON: hardware revision, batch, region, makers of its parts
    held_out   BIGINT NOT NULL,                             -- 1: it gets nothing, for comparison
    awaited    BIGINT NOT NULL,                             -- a bit for each criterion of which it is to report its one value
    PRIMARY KEY (rollout_id, device_id)
);
CREATE INDEX exposure_held_out ON exposure (device_id, rollout_id) WHERE held_out = 1;
CREATE INDEX exposure_awaited ON exposure (device_id, rollout_id) WHERE awaited > 0;

-- How many values there are of what is measured, their sum and that of their squares, by what devices differ in. Moved in the
-- transaction of the outcome, in shards, so that devices don't wait for each other.
CREATE TABLE evidence_tally (
    rollout_id UUID   NOT NULL REFERENCES rollout (id),
    factor     TEXT COLLATE "C" NOT NULL,
    measure    TEXT COLLATE "C" NOT NULL,                   -- exposed, verified, failed, silent, or the criterion: c0, c1, ...
    level      TEXT COLLATE "C" NOT NULL,
    cohort     BIGINT NOT NULL,
    shard      BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    sum        BIGINT NOT NULL,
    squares    BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, factor, measure, level, cohort, shard)
);

-- How an estimate went: a few points of each series.
CREATE TABLE evidence_point (
    rollout_id UUID             NOT NULL REFERENCES rollout (id),
    cohort     BIGINT           NOT NULL,
    criterion  BIGINT           NOT NULL,
    at         BIGINT           NOT NULL,
    n          BIGINT           NOT NULL,
    difference DOUBLE PRECISION NOT NULL,
    low        DOUBLE PRECISION NOT NULL,
    high       DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (rollout_id, cohort, criterion, at)
);

-- Devices that it goes on without, and what its experiment has found out: both JSON.
ALTER TABLE rollout ADD COLUMN held_back TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rollout ADD COLUMN verdicts TEXT NOT NULL DEFAULT '[]';
