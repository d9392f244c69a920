-- Absolute counts of a minute, dimension and key; the highest version counts.

CREATE TABLE IF NOT EXISTS request_stats_store
(
    feed LowCardinality(String) COMMENT 'web_logs or live_events.',
    `minute` DateTime64(6, 'UTC') COMMENT 'Start of the minute of the rows\' own event time, UTC.',
    dimension LowCardinality(String) COMMENT 'all, host, controller_action, developer_key, masquerader, failed_login_ip, …',
    `key` String COMMENT 'Personal data. Value of the dimension; empty for all.',
    status LowCardinality(String) COMMENT 'open, closed, final, or folded: counted in the key other instead.',
    version UInt64 COMMENT 'Grows with every publication: generation << 48 | sequence.',
    `rows` Int64 COMMENT 'Requests or events.',
    status_1xx Int64 COMMENT 'Rows with status 100 to 199.',
    status_2xx Int64 COMMENT 'Rows with status 200 to 299.',
    status_3xx Int64 COMMENT 'Rows with status 300 to 399.',
    status_4xx Int64 COMMENT 'Rows with status 400 to 499.',
    status_5xx Int64 COMMENT 'Rows with status 500 to 599.',
    status_other Int64 COMMENT 'Rows with another status; 0 for feeds without status.',
    errors Int64 COMMENT 'Rows with status 400 or more.',
    writes Int64 COMMENT 'Rows with POST, PUT, PATCH or DELETE.',
    masqueraded Int64 COMMENT 'Rows made while masquerading.',
    participations Int64 COMMENT 'Rows marked participated.',
    duration_sum Int64 COMMENT 'Sum of durations, microseconds.',
    duration_max Int64 COMMENT 'Longest duration, microseconds.',
    durations Array(Int64) COMMENT 'Histogram of durations: bucket i counts [2^i, 2^(i+1)) milliseconds, bucket 0 also what is below 1 ms, the last also what is above; empty without durations.',
    members Array(String) COMMENT 'Personal data. Distinct members of the key (targets of a masquerader, …), those with the smallest hashes if there are more than the cap.',
    sample_request_ids Array(String) COMMENT 'A few request ids, the smallest.',
    sample_session_ids Array(String) COMMENT 'Personal data. A few session ids, the smallest.',
    members_distinct Int64 COMMENT 'Distinct members, estimated if capped.',
    members_capped Bool COMMENT 'More members than the cap were seen.',
    keys_folded Int64 COMMENT 'How many rare keys were folded into this one (key other); 0 otherwise.'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(`minute`)
ORDER BY (feed, dimension, toStartOfHour(`minute`), `key`, `minute`)
TTL `minute` + toIntervalDay(1100)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view request_stats.';

CREATE OR REPLACE VIEW request_stats
(
    feed LowCardinality(String) COMMENT 'web_logs or live_events.',
    `minute` DateTime64(6, 'UTC') COMMENT 'Start of the minute of the rows\' own event time, UTC.',
    dimension LowCardinality(String) COMMENT 'all, host, controller_action, developer_key, masquerader, failed_login_ip, …',
    `key` String COMMENT 'Personal data. Value of the dimension; empty for all.',
    status LowCardinality(String) COMMENT 'open, closed, final, or folded: counted in the key other instead.',
    version UInt64 COMMENT 'Grows with every publication: generation << 48 | sequence.',
    `rows` Int64 COMMENT 'Requests or events.',
    status_1xx Int64 COMMENT 'Rows with status 100 to 199.',
    status_2xx Int64 COMMENT 'Rows with status 200 to 299.',
    status_3xx Int64 COMMENT 'Rows with status 300 to 399.',
    status_4xx Int64 COMMENT 'Rows with status 400 to 499.',
    status_5xx Int64 COMMENT 'Rows with status 500 to 599.',
    status_other Int64 COMMENT 'Rows with another status; 0 for feeds without status.',
    errors Int64 COMMENT 'Rows with status 400 or more.',
    writes Int64 COMMENT 'Rows with POST, PUT, PATCH or DELETE.',
    masqueraded Int64 COMMENT 'Rows made while masquerading.',
    participations Int64 COMMENT 'Rows marked participated.',
    duration_sum Int64 COMMENT 'Sum of durations, microseconds.',
    duration_max Int64 COMMENT 'Longest duration, microseconds.',
    durations Array(Int64) COMMENT 'Histogram of durations: bucket i counts [2^i, 2^(i+1)) milliseconds, bucket 0 also what is below 1 ms, the last also what is above; empty without durations.',
    members Array(String) COMMENT 'Personal data. Distinct members of the key (targets of a masquerader, …), those with the smallest hashes if there are more than the cap.',
    sample_request_ids Array(String) COMMENT 'A few request ids, the smallest.',
    sample_session_ids Array(String) COMMENT 'Personal data. A few session ids, the smallest.',
    members_distinct Int64 COMMENT 'Distinct members, estimated if capped.',
    members_capped Bool COMMENT 'More members than the cap were seen.',
    keys_folded Int64 COMMENT 'How many rare keys were folded into this one (key other); 0 otherwise.'
)
AS SELECT
    feed,
    `minute`,
    dimension,
    `key`,
    status,
    version,
    `rows`,
    status_1xx,
    status_2xx,
    status_3xx,
    status_4xx,
    status_5xx,
    status_other,
    errors,
    writes,
    masqueraded,
    participations,
    duration_sum,
    duration_max,
    durations,
    members,
    sample_request_ids,
    sample_session_ids,
    members_distinct,
    members_capped,
    keys_folded
FROM request_stats_store FINAL
WHERE status != 'folded' AND NOT (
    dimension = 'masquerader'
    AND (
      toInt64OrZero(`key`) IN (SELECT user_id FROM erased_people)
      OR hasAny(
        arrayMap(other -> toInt64OrZero(other), members),
        (SELECT groupArray(user_id) FROM erased_people)
      )
    )
  )
COMMENT 'Absolute counts of one minute, dimension and key over all partitions: the result, and the state of the detect stage. The highest version counts.';
