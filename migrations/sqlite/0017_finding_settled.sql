-- Who settled a finding, and why. What settled by itself, by a report, has no row.
CREATE TABLE finding_settled (
    id      BLOB   NOT NULL PRIMARY KEY,
    cause   TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    by_name TEXT   NOT NULL,
    reason  TEXT   NOT NULL
);
CREATE INDEX finding_settled_cause ON finding_settled (cause, at, id);
-- The repairs that explain a finding.
CREATE INDEX repair_case_finding ON repair_case (finding_id, id);
