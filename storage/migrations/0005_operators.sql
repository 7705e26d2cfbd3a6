-- What operators said that has to be remembered.

-- Releases that eviction never takes.
CREATE TABLE pin (
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  PRIMARY KEY (product, version)
) STRICT, WITHOUT ROWID;

-- The highest sequence number of the commands that each key signed and that were obeyed: none is obeyed twice.
CREATE TABLE command_key (
  key TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
