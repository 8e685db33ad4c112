-- The devices that a rollout verified with a release: what the gate before the next stage counts.
CREATE INDEX update_action_verified ON update_action (release_id, device_id) WHERE state = 'verified';
