-- Releases that are repositories: apt's, OSTree's. The file is one archive, and devices get its members, each sent from where
-- it lies in the archive.

CREATE TABLE repository (
    artifact    BIGINT NOT NULL PRIMARY KEY REFERENCES artifact (number),
    modified_at BIGINT NOT NULL UNIQUE                      -- a second of its own: clients tell two apart by this alone
);
CREATE TABLE artifact_member (
    artifact BIGINT NOT NULL REFERENCES artifact (number),
    path     TEXT COLLATE "C" NOT NULL,
    start    BIGINT NOT NULL,                               -- where it begins in the archive, in bytes
    size     BIGINT NOT NULL,
    sha256   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (artifact, path)
);
CREATE INDEX artifact_member_sha256 ON artifact_member (artifact, sha256, start, size);
-- Which release a device runs by its own word.
CREATE INDEX release_of_version ON release (kind, version_key, id);
