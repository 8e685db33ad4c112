-- Accounts, sessions, tokens, and what guards sign-in.

CREATE TABLE user_account (
    id                  BLOB    NOT NULL PRIMARY KEY,
    email               TEXT    NOT NULL UNIQUE,           -- lower case
    name                TEXT    NOT NULL,
    role                TEXT    NOT NULL,
    password_hash       TEXT    NOT NULL DEFAULT '',       -- PHC string (argon2id); empty before the first sign-in
    created_at          BIGINT  NOT NULL,
    password_changed_at BIGINT  NOT NULL DEFAULT 0,
    last_sign_in_at     BIGINT  NOT NULL DEFAULT 0,        -- 0: never
    disabled_at         BIGINT  NOT NULL DEFAULT 0,        -- 0: not disabled
    version             BIGINT  NOT NULL DEFAULT 1
);

CREATE TABLE session (
    id           TEXT   NOT NULL PRIMARY KEY,              -- SHA-256 of the cookie's value
    user_id      BLOB            REFERENCES user_account (id),
    data         TEXT   NOT NULL,
    address      TEXT   NOT NULL DEFAULT '',
    user_agent   TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE sign_in_throttle (
    subject       TEXT   NOT NULL PRIMARY KEY,             -- account:EMAIL or address:IP
    failures      BIGINT NOT NULL,
    window_start  BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE one_time_link (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    purpose    TEXT   NOT NULL,                            -- set_up, sign_in or set_password
    user_id    BLOB            REFERENCES user_account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE api_token (
    id           BLOB   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    token_hash   TEXT   NOT NULL UNIQUE,
    role         TEXT   NOT NULL,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    revoked_at   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE saved_view (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL REFERENCES user_account (id),
    name       TEXT    NOT NULL,
    query      TEXT    NOT NULL,
    sort       TEXT    NOT NULL DEFAULT '',
    columns    TEXT    NOT NULL DEFAULT '',
    shared     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE idempotency (
    actor        TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    status       BIGINT NOT NULL DEFAULT 0,                -- 0: still in flight
    body         TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
