-- The pictures of the repair desk's photos, each once, by their SHA-256: with the database they are in its backups and at
-- all of its nodes. They are apart from what is said of them, and read only when somebody looks at one.
CREATE TABLE repair_picture (
    sha256  TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
);
CREATE INDEX repair_photo_sha256 ON repair_photo (sha256);
