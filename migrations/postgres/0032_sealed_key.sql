-- The sealed keys of authorities, which every node can then sign with that knows the passphrase. On SQLite, which one node serves, they
-- are files alone, and this stays empty.
CREATE TABLE sealed_key (
    name    TEXT   NOT NULL PRIMARY KEY,                    -- as the key's place calls the file
    pem     TEXT   NOT NULL,                                -- PKCS#8, encrypted with the passphrase
    kept_at BIGINT NOT NULL
);
