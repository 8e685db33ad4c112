-- What was added to counts that a rollout moves, since it was last added to fleet_count itself: in shards, so that devices which start
-- with another version don't wait for each other. What is counted is the sum of both. A node of a version before moves fleet_count alone.
CREATE TABLE fleet_count_shard (
    dimension TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    shard     BIGINT NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (dimension, value, shard)
) WITHOUT ROWID;

-- How far it has come to forget what is kept no longer. One row for each kind of it, from the first time on.
CREATE TABLE retention_pass (
    kind     TEXT   NOT NULL PRIMARY KEY,
    upto     TEXT   NOT NULL,                               -- the device up to which histories were gone through; empty otherwise
    begun_at BIGINT NOT NULL,                               -- 0: none is under way
    ended_at BIGINT NOT NULL,                               -- of the last whole one; 0: none yet
    gone     BIGINT NOT NULL                                -- rows that went in the one under way, or in the last
) WITHOUT ROWID;
