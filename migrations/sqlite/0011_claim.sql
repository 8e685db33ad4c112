-- Claiming. A device without a row has the first code of its label; whether it was claimed, its history says.
CREATE TABLE claim (
    device_id  BLOB   NOT NULL PRIMARY KEY REFERENCES device (id),
    generation BIGINT NOT NULL                              -- how often its label was spoilt: each has a code of its own
) WITHOUT ROWID;

-- 1: it was claimed since, so the token counts for nothing but getting the next one.
ALTER TABLE device_token ADD COLUMN only_rotates BIGINT NOT NULL DEFAULT 0;
-- Where the next token was asked for, the token before the present one, and when two were last seen to have this device's
-- token: another asked for the next while that was not used, or the one before came again. 0: never.
ALTER TABLE device_token ADD COLUMN next_from TEXT NOT NULL DEFAULT '';
ALTER TABLE device_token ADD COLUMN previous_hash TEXT;
ALTER TABLE device_token ADD COLUMN shared_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX device_token_previous ON device_token (previous_hash);
