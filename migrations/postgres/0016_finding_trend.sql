-- In which state a finding was before it came into another: the trend is counted in the index alone.
ALTER TABLE finding_change ADD COLUMN was TEXT NOT NULL DEFAULT '';
UPDATE finding_change SET was = COALESCE((SELECT p.state FROM finding_change p WHERE p.cause = finding_change.cause
    AND (p.at < finding_change.at OR (p.at = finding_change.at AND p.id < finding_change.id))
    ORDER BY p.at DESC, p.id DESC LIMIT 1), '');
DROP INDEX finding_change_at;
CREATE INDEX finding_change_at ON finding_change (at, state, was);

-- A page of findings is read in the order in which it is shown, and how many there are of each kind is counted in an index.
DROP INDEX finding_state;
CREATE INDEX finding_state ON finding (state, last_at DESC, id);
CREATE INDEX finding_last ON finding (last_at DESC, id);
CREATE INDEX finding_kind ON finding (state, kind);
-- As the causes that it names are: an index in another collation is of no use to find them by.
ALTER TABLE finding ALTER COLUMN part_of TYPE TEXT COLLATE "C";
-- Made anew as the last one: of indexes that seem as good, as long as there are no statistics, PostgreSQL takes that.
DROP INDEX finding_part_of;
CREATE INDEX finding_part_of ON finding (part_of, state, cause);
