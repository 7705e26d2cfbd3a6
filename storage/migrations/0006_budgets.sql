-- What sources fetched in the present period of their budget: bytes since its beginning, in ms since 1970.
ALTER TABLE source ADD COLUMN period_begin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN period_bytes INTEGER NOT NULL DEFAULT 0;
