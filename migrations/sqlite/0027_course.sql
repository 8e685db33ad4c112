-- What was foreseen of a rollout when it was submitted. Its hash is among what is approved.
CREATE TABLE rollout_forecast (
    rollout_id BLOB   NOT NULL PRIMARY KEY REFERENCES rollout (id),
    at         BIGINT NOT NULL,
    forecast   TEXT   NOT NULL                              -- JSON
);

-- How far its devices were when: a point every so often, thinned as it grows older.
CREATE TABLE rollout_course (
    rollout_id BLOB   NOT NULL REFERENCES rollout (id),
    minute     BIGINT NOT NULL,                             -- since it was started
    told       BIGINT NOT NULL,
    verified   BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    silent     BIGINT NOT NULL,
    PRIMARY KEY (rollout_id, minute)
) WITHOUT ROWID;
