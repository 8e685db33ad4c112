-- Accounts whose owners sign in at a provider of identities (OpenID Connect), and who is away there.

CREATE TABLE linked_identity (
    issuer          TEXT   NOT NULL,                       -- the provider, as its tokens name it
    subject         TEXT   NOT NULL,                       -- who somebody is there, for good
    user_id         UUID   NOT NULL UNIQUE REFERENCES user_account (id),
    linked_at       BIGINT NOT NULL,
    last_sign_in_at BIGINT NOT NULL DEFAULT 0,             -- 0: never
    PRIMARY KEY (issuer, subject)
);

CREATE TABLE identity_request (
    state      TEXT   NOT NULL PRIMARY KEY,                -- SHA-256
    browser    TEXT   NOT NULL,                            -- SHA-256 of the cookie that the browser has
    data       TEXT   NOT NULL,                            -- what for, and what the answer is held against
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_request_by_expiry ON identity_request (expires_at);
