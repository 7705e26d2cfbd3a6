-- What sources were told and found signed, byte for byte: the newest of each name, so that nothing older is believed.
CREATE TABLE trusted_document (
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (source, name)
) STRICT;

-- The version of its source's document "snapshot" that a release was admitted by.
CREATE TABLE release_voucher (
  release INTEGER PRIMARY KEY REFERENCES release (id) ON DELETE CASCADE,
  snapshot INTEGER NOT NULL
) STRICT;
