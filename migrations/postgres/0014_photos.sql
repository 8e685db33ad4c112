-- The pictures of the repair desk's photos, each once, by their SHA-256: with the database they are in its backups and at
-- all of its nodes. They are apart from what is said of them, and read only when somebody looks at one.
CREATE TABLE repair_picture (
    sha256  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    content BYTEA            NOT NULL
);
-- Pictures are compressed already.
ALTER TABLE repair_picture ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX repair_photo_sha256 ON repair_photo (sha256);
