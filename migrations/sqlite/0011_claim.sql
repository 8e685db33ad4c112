-- Claiming. A device without a row has the first code of its label; whether it was claimed, its history says.
CREATE TABLE claim (
    device_id  BLOB   NOT NULL PRIMARY KEY REFERENCES device (id),
    generation BIGINT NOT NULL                              -- how often its label was spoilt: each has a code of its own
) WITHOUT ROWID;

-- 1: it was claimed since, so the token counts for nothing but getting the next one.
ALTER TABLE device_token ADD COLUMN only_rotates BIGINT NOT NULL DEFAULT 0;
