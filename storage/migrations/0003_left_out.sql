-- Releases that were evicted, or for which there was no room: nobody needs them, so no source fetches them (again).
CREATE TABLE left_out (
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  channel TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (product, version, channel)
) STRICT, WITHOUT ROWID;
