-- What was added to counts that a rollout moves, since it was last added to fleet_count itself: in shards, so that devices which start
-- with another version don't wait for each other. What is counted is the sum of both. A node of a version before moves fleet_count alone.
CREATE TABLE fleet_count_shard (
    dimension TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    shard     BIGINT NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (dimension, value, shard)
);

-- How far it has come to forget what is kept no longer. One row for each kind of it, from the first time on.
CREATE TABLE retention_pass (
    kind     TEXT   NOT NULL PRIMARY KEY,
    upto     TEXT   NOT NULL,                               -- the device up to which histories were gone through; empty otherwise
    begun_at BIGINT NOT NULL,                               -- 0: none is under way
    ended_at BIGINT NOT NULL,                               -- of the last whole one; 0: none yet
    gone     BIGINT NOT NULL                                -- rows that went in the one under way, or in the last
);

-- What devices say of updates becomes partitions by action, in three steps, so that no lock is held while the table is read: here is
-- promised which rows are all there will be in the first partition, the next step makes sure, the last one puts it in its place.
DO $$
BEGIN
    EXECUTE format('ALTER TABLE update_feedback ADD CONSTRAINT update_feedback_until CHECK (action_id < %s) NOT VALID',
                   (SELECT COALESCE(MAX(id), 0) + 10000000 FROM update_action));
END
$$;
