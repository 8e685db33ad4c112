-- Whether a device's updates are agreed to without asking its user, as that one switches it at the device. Read where an update of a
-- rollout is offered that asks, and nowhere else.
CREATE TABLE auto_confirm (
    device_id    BLOB   NOT NULL PRIMARY KEY REFERENCES device (id),
    is_on        BIGINT NOT NULL,                           -- 1 or 0
    initiator    TEXT   NOT NULL,                           -- who switched it on, as the device says
    remark       TEXT   NOT NULL,
    activated_at BIGINT NOT NULL,
    told_at      BIGINT NOT NULL                            -- when the device's history told of a change last
);
