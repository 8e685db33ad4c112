-- The devices that a custodian ever had, for reports of who was supplied. The factory that made a device is in its batch.
CREATE INDEX history_party ON history (COALESCE(event->'by'->>'id', event->'to'->>'id'), device_id)
    WHERE kind IN ('shipped', 'received', 'claimed', 'transferred', 'returned');
-- The devices that a carrier ever had.
CREATE INDEX history_carrier ON history ((event->'carrier'->>'id'), device_id)
    WHERE kind = 'shipped' AND (event->'carrier'->>'id') IS NOT NULL;
