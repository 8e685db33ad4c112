-- Pieces of files on their way here that lie in the bucket, where every node finds them.

ALTER TABLE upload ADD COLUMN shared BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE upload_piece (
    id         BLOB   NOT NULL PRIMARY KEY,                -- what it is called there, in the upload's folder
    upload_id  BLOB   NOT NULL,
    start      BIGINT NOT NULL,                            -- where in the file it begins, in bytes
    size       BIGINT NOT NULL DEFAULT 0                   -- 0 until it is counted as received
);
CREATE INDEX upload_piece_of ON upload_piece (upload_id, start);
