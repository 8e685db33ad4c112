-- What devices report of themselves, how they poll, and what speaks against them.

-- The last that a device reported. A row comes with the first report or the first reason.
CREATE TABLE device_report (
    device_id   UUID   NOT NULL PRIMARY KEY REFERENCES device (id),
    attributes  TEXT   NOT NULL DEFAULT '{}',               -- JSON: what is kept of what it sent
    confirmed   TEXT   NOT NULL DEFAULT '',                 -- the attributes that last fitted a manifest; empty for none
    picture     TEXT   NOT NULL DEFAULT '',                 -- a hash of what was judged last
    matched     BIGINT NOT NULL DEFAULT 0,                  -- the manifest version that it fits; 0 for none
    reasons     TEXT   NOT NULL DEFAULT '[]',               -- JSON: what speaks against it
    wanted      BIGINT NOT NULL DEFAULT 1,                  -- 1: it is asked to report
    first_at    BIGINT NOT NULL DEFAULT 0,
    reported_at BIGINT NOT NULL DEFAULT 0,
    changed_at  BIGINT NOT NULL DEFAULT 0,
    n           BIGINT NOT NULL DEFAULT 0,
    told_since  BIGINT NOT NULL DEFAULT 0,                  -- since when its changes are counted, for an hour
    told_n      BIGINT NOT NULL DEFAULT 0,                  -- how many changes were judged since
    due_at      BIGINT NOT NULL DEFAULT 0,                  -- from when on it is asked again, as not all was judged; 0: not
    unread_at   BIGINT NOT NULL DEFAULT 0                   -- when it last sent what could not be read
);

-- What speaks against devices and is about more than one: whoever settles it lets these go again.
CREATE TABLE device_reason (
    cause     TEXT COLLATE "C" NOT NULL,
    device_id UUID   NOT NULL REFERENCES device (id),
    PRIMARY KEY (device_id, cause)
);
CREATE INDEX device_reason_cause ON device_reason (cause, device_id);

-- How many devices of a model a rule cut off within an hour.
CREATE TABLE model_hold (
    model_id UUID   NOT NULL PRIMARY KEY REFERENCES model (id),
    since    BIGINT NOT NULL,
    n        BIGINT NOT NULL
);

-- How a device polls: what is needed to notice that two of them use one identity.
CREATE TABLE device_poll (
    device_id UUID   NOT NULL PRIMARY KEY REFERENCES device (id),
    cadence   TEXT   NOT NULL,                              -- JSON
    address   TEXT   NOT NULL,
    at        BIGINT NOT NULL
);

-- The identifiers that devices report at present, and in how many devices of a batch each is.
CREATE TABLE reported_part (
    device_id      UUID   NOT NULL REFERENCES device (id),
    identifier_key TEXT COLLATE "C" NOT NULL,
    batch_id       UUID   NOT NULL,
    slot           TEXT   NOT NULL,
    PRIMARY KEY (device_id, identifier_key)
);
CREATE INDEX reported_part_identifier ON reported_part (identifier_key, batch_id, device_id);

CREATE TABLE reported_count (
    identifier_key TEXT COLLATE "C" NOT NULL,
    batch_id       UUID   NOT NULL,
    n              BIGINT NOT NULL,
    PRIMARY KEY (identifier_key, batch_id)
);

-- How a model's devices are read and judged, where that is not as usual.
CREATE TABLE model_rule (
    model_id   UUID   NOT NULL PRIMARY KEY REFERENCES model (id),
    mapping    TEXT   NOT NULL,
    makers     TEXT   NOT NULL,
    policy     TEXT   NOT NULL,                             -- JSON
    version    BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL
);

-- The findings that stand about a device, and how many came when.
CREATE INDEX finding_device ON finding (device_id, state);
CREATE INDEX finding_first ON finding (first_at, kind);
