-- Until when the word of a source counts, in ms since 1970: the end of the metadata that was checked last. 0: it says no
-- such time.
ALTER TABLE source ADD COLUMN trusted_until INTEGER NOT NULL DEFAULT 0;
