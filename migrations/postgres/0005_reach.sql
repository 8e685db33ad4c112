-- What lists and claims are found by when there are a million of them.

CREATE INDEX device_place ON device (place, serial);
CREATE INDEX audit_outcome ON audit (outcome, seq);

-- Whose process began a request: what it left unanswered is void when it starts again.
ALTER TABLE idempotency ADD COLUMN node TEXT NOT NULL DEFAULT '';
