-- When a job ended, so that people see for how long its report waits; 0: before this was kept.
ALTER TABLE job_report ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;

INSERT INTO counter VALUES ('job_reports_dropped', 0);

-- What is dropped first when the outbox is full: events that tell how something goes on, not how it ended.
DROP INDEX outbox_progress;
CREATE INDEX outbox_steps ON outbox (sequence) WHERE kind IN ('fetched', 'verified', 'delivered');
