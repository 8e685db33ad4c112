-- After a webhook's secret was changed, the secrets from this one on sign beside the new one until that time, so that the
-- receiver can be told at leisure.
ALTER TABLE webhook ADD COLUMN signs_from  BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhook ADD COLUMN signs_until BIGINT NOT NULL DEFAULT 0;
