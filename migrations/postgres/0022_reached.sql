-- How far an update came on a device: what it was before a silence, a stop or its end.
ALTER TABLE update_action ADD COLUMN reached TEXT NOT NULL DEFAULT 'offered';
UPDATE update_action SET reached = state WHERE state IN ('downloading', 'installing', 'installed', 'verifying');
UPDATE update_action SET reached = 'verifying' WHERE state NOT IN ('installed', 'verifying') AND soak_until > 0;
-- Since when a rollout that was stopped in between runs again.
ALTER TABLE rollout ADD COLUMN resumed_at BIGINT NOT NULL DEFAULT 0;
