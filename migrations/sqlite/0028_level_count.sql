-- How many devices of each hardware revision and batch are how far with a rollout, by wave and cohort: by that harm is traced to
-- some of them, and those that a rollout goes on without leave the counts of its gates. Kept in the transactions that move devices,
-- in shards.
CREATE TABLE level_count (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    wave       BIGINT NOT NULL,
    cohort     BIGINT NOT NULL,
    revision   TEXT   NOT NULL,
    batch_id   BLOB   NOT NULL REFERENCES batch (id),
    shard      BIGINT NOT NULL,
    under_way  BIGINT NOT NULL,
    retried    BIGINT NOT NULL,                             -- of those under way
    verified   BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    silent     BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, wave, cohort, revision, batch_id, shard)
) WITHOUT ROWID;
