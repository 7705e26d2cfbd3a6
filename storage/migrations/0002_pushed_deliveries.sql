-- Deliveries to devices that are told what to do: they wait, are tried again, and are steered by operators. Times
-- are milliseconds since 1970, 0 for never.

ALTER TABLE delivery ADD COLUMN mode TEXT NOT NULL DEFAULT 'pull';
ALTER TABLE delivery ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN may_install INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN image TEXT NOT NULL DEFAULT '';

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
