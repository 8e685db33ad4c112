-- What devices say of updates, in partitions by action: actions are numbered in the order of time, so what is old is dropped as a whole.
-- What was there is the first of them as it is; nothing of it is read or written here. Statements by the table's name go on as they
-- were, those of a version before as well. What is beyond the last partition goes into one of its own, so nothing is ever refused.
ALTER TABLE update_feedback RENAME TO update_feedback_first;
ALTER TABLE update_feedback_first RENAME CONSTRAINT update_feedback_pkey TO update_feedback_first_pkey;
ALTER TABLE update_feedback_first RENAME CONSTRAINT update_feedback_action_id_fkey TO update_feedback_first_action_id_fkey;
CREATE TABLE update_feedback (
    action_id BIGINT NOT NULL REFERENCES update_action (id),
    n         BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    execution TEXT   NOT NULL,
    finished  TEXT   NOT NULL,
    code      TEXT   NOT NULL DEFAULT '',
    details   TEXT   NOT NULL DEFAULT '[]',                 -- JSON
    PRIMARY KEY (action_id, n)
) PARTITION BY RANGE (action_id);
CREATE TABLE update_feedback_beyond PARTITION OF update_feedback DEFAULT;
DO $$
BEGIN
    EXECUTE format('ALTER TABLE update_feedback ATTACH PARTITION update_feedback_first FOR VALUES FROM (MINVALUE) TO (%s)',
                   (SELECT substring(pg_get_constraintdef(oid) FROM '([0-9]+)') FROM pg_constraint
                    WHERE conrelid = 'update_feedback_first'::regclass AND conname = 'update_feedback_until'));
END
$$;
ALTER TABLE update_feedback_first DROP CONSTRAINT update_feedback_until;
