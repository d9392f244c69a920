-- How many rows came too late, and why.

CREATE OR REPLACE VIEW late_by_reason
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    reason LowCardinality(String) COMMENT 'late: later than the allowed lateness; time: an impossible event time.',
    hour DateTime('UTC') COMMENT 'Hour of event time.',
    `rows` UInt64 COMMENT 'Late rows.',
    earliest DateTime64(6, 'UTC') COMMENT 'Event time of the earliest of them.',
    latest DateTime64(6, 'UTC') COMMENT 'Event time of the latest of them.',
    longest_delay_s Nullable(Float64) COMMENT 'Largest distance of an event time behind the watermark that it met, in seconds.'
)
AS SELECT
    feed,
    reason,
    toStartOfHour(event_time) AS hour,
    count() AS `rows`,
    min(event_time) AS earliest,
    max(event_time) AS latest,
    max((toUnixTimestamp64Micro(watermark) - toUnixTimestamp64Micro(event_time)) / 1e6) AS longest_delay_s
FROM late_rows
GROUP BY feed, reason, hour
COMMENT 'Late rows per feed, reason and hour of event time. They are in no session and no minute until recompute.';
