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
  details TEXT NOT NULL
) STRICT;
