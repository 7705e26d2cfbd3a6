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
