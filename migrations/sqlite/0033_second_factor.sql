-- What people show beside a password.

CREATE TABLE authenticator_app (
    id           BLOB   NOT NULL PRIMARY KEY,
    user_id      BLOB   NOT NULL REFERENCES user_account (id),
    name         TEXT   NOT NULL,
    secret       TEXT   NOT NULL,                          -- base32; empty where it is derived from the sealed secret
    last_step    BIGINT NOT NULL,                          -- the step of the last code that was taken: none is taken twice
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,                          -- 0: it has shown no code yet, and counts for nothing
    last_used_at BIGINT NOT NULL                           -- 0: never
);
CREATE INDEX authenticator_app_of_user ON authenticator_app (user_id);

CREATE TABLE recovery_code (
    user_id BLOB   NOT NULL REFERENCES user_account (id),
    hash    TEXT   NOT NULL,                               -- SHA-256
    used_at BIGINT NOT NULL,                               -- 0: not used
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE passkey (
    id           BLOB   NOT NULL PRIMARY KEY,
    user_id      BLOB   NOT NULL REFERENCES user_account (id),
    name         TEXT   NOT NULL,
    credential   TEXT   NOT NULL UNIQUE,                   -- the authenticator's id of it, in base64url
    site         TEXT   NOT NULL,                          -- the host name that it is bound to
    public_key   BLOB   NOT NULL,
    state        BLOB   NOT NULL,                          -- the counter, and what else changes with a use
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL                           -- 0: never
);
CREATE INDEX passkey_of_user ON passkey (user_id);

CREATE TABLE passkey_challenge (
    challenge  TEXT   NOT NULL PRIMARY KEY,                -- SHA-256
    purpose    TEXT   NOT NULL,                            -- what for, and of whom
    state      BLOB   NOT NULL,
    expires_at BIGINT NOT NULL
);
