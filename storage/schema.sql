-- The schema of catalog.db as the migrations leave it; a test proves the two equal. Times are milliseconds
-- since 1970, digests 32 raw bytes.

-- Sealed packs in packs/. A pack without its row is an orphan.
CREATE TABLE pack (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  checked INTEGER NOT NULL
) STRICT;

-- Artifacts whose bytes are whole: each stands in exactly one pack.
CREATE TABLE artifact (
  sha256 BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  chunk_root BLOB NOT NULL,
  pack INTEGER NOT NULL REFERENCES pack (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_by_pack ON artifact (pack);

-- Digests that old devices ask for, computed from bytes already verified.
CREATE TABLE digest (
  sha256 BLOB NOT NULL REFERENCES artifact (sha256) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (sha256, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE release (
  id INTEGER PRIMARY KEY,
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  channel TEXT NOT NULL,
  source TEXT NOT NULL,
  admitted INTEGER NOT NULL,
  UNIQUE (product, version, channel)
) STRICT;

-- What a release names. It is complete while each sha256 has its artifact.
CREATE TABLE release_artifact (
  release INTEGER NOT NULL REFERENCES release (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  dst_path TEXT NOT NULL,
  from_version TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (release, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX release_artifact_by_sha256 ON release_artifact (sha256);

CREATE TABLE device (
  product TEXT NOT NULL,
  id TEXT NOT NULL,
  version TEXT NOT NULL,
  transport TEXT NOT NULL,
  address TEXT NOT NULL,
  last_seen INTEGER NOT NULL,
  channel TEXT NOT NULL,
  assigned_version TEXT NOT NULL,
  downgrade INTEGER NOT NULL,
  proven INTEGER NOT NULL,
  PRIMARY KEY (product, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL,
  product TEXT NOT NULL,
  from_version TEXT NOT NULL,
  version TEXT NOT NULL,
  transport TEXT NOT NULL,
  state TEXT NOT NULL,
  bytes_done INTEGER NOT NULL,
  bytes_total INTEGER NOT NULL,
  started INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  detail TEXT NOT NULL,
  mode TEXT NOT NULL DEFAULT 'pull',
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  forced INTEGER NOT NULL DEFAULT 0,
  may_install INTEGER NOT NULL DEFAULT 0,
  cause TEXT NOT NULL DEFAULT '',
  image TEXT NOT NULL DEFAULT ''
) STRICT;

-- How a release spreads among its devices: who came first, how many failed, whether that stopped it.
CREATE TABLE rollout (
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  settled INTEGER NOT NULL,
  open INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  stopped INTEGER NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (product, version)
) STRICT, WITHOUT ROWID;

-- Releases that were evicted, or for which there was no room: nobody needs them, so no source fetches them (again).
CREATE TABLE left_out (
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  channel TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (product, version, channel)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE source (
  name TEXT PRIMARY KEY,
  last_success INTEGER NOT NULL,
  last_attempt INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  validator TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  bytes_fetched INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  period_begin INTEGER NOT NULL DEFAULT 0,
  period_bytes INTEGER NOT NULL DEFAULT 0,
  trusted_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Events that the broker has not acknowledged. AUTOINCREMENT: a sequence is never used twice.
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

-- What is dropped first when the outbox is full: events that tell how something goes on, not how it ended.
CREATE INDEX outbox_steps ON outbox (sequence) WHERE kind IN ('fetched', 'verified', 'delivered');

-- Counting 100,000 rows for each new event would read them all.
CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('outbox_size', 0), ('outbox_dropped', 0), ('job_reports_dropped', 0);
CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'outbox_size';
END;
CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
  UPDATE counter SET value = value - 1 WHERE name = 'outbox_size';
END;

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

-- Jobs that a cloud gave to things: at most one of each thing at a time, until its outcome is written down as a report.
CREATE TABLE job (
  source TEXT NOT NULL,
  thing TEXT NOT NULL,
  job TEXT NOT NULL,
  product TEXT NOT NULL,
  device TEXT NOT NULL,
  version TEXT NOT NULL,
  held INTEGER NOT NULL,
  PRIMARY KEY (source, thing)
) STRICT, WITHOUT ROWID;

-- What the cloud has to be told of jobs, in this order, until it has acknowledged it.
CREATE TABLE job_report (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  thing TEXT NOT NULL,
  job TEXT NOT NULL,
  status TEXT NOT NULL,
  details TEXT NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Devices that were woken, so that neither a restart nor a power cut gives them or the gateway a new budget.
-- sent: the times of the wake-ups that may still count, as a JSON array of milliseconds since 1970; last: the newest.
CREATE TABLE wake_up (
  product TEXT NOT NULL,
  device TEXT NOT NULL,
  version TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  shown INTEGER NOT NULL,
  sent TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (product, device)
) STRICT, WITHOUT ROWID;
