-- The last acts of each scope, whose spread is followed.
CREATE INDEX revocation_recent ON revocation (scope, effective_at);
