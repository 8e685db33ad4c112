-- Lists of certificates by how they stand, in the orders in which pages go through them.
CREATE INDEX certificate_status_expiry ON certificate (status, not_after, id);
CREATE INDEX certificate_status_newest ON certificate (status, id);
-- How many were renewed lately.
CREATE INDEX certificate_renewed ON certificate (issued_at) WHERE replaces IS NOT NULL;
