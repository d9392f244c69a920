-- Present state of every alert; the highest version counts. Few rows: kept.

CREATE TABLE IF NOT EXISTS anomalies_store
(
    fingerprint String COMMENT 'Stable identity of rule and key, 32 hex digits.',
    episode String COMMENT 'Identity of this occurrence: fingerprint and start.',
    status LowCardinality(String) COMMENT 'open, updated, resolved, revised or retracted.',
    version UInt64 COMMENT 'Grows with every publication.',
    rule LowCardinality(String) COMMENT 'Rule that fired.',
    detector LowCardinality(String) COMMENT 'Detector the rule uses.',
    severity LowCardinality(String) COMMENT 'info, warning or critical.',
    title String COMMENT 'One line.',
    explanation String COMMENT 'Personal data. What was seen, against what, for the reader of the alert.',
    action String COMMENT 'What the reader should do.',
    dimension LowCardinality(String) COMMENT 'Dimension of the key.',
    `key` String COMMENT 'Personal data. What it is about; empty for the whole instance.',
    feeds Array(LowCardinality(String)) COMMENT 'Feeds that show it.',
    window_start DateTime64(6, 'UTC') COMMENT 'First minute of the evidence.',
    window_end DateTime64(6, 'UTC') COMMENT 'End of the last minute of the evidence.',
    opened_at DateTime64(6, 'UTC') COMMENT 'Event time at which it opened.',
    updated_at DateTime64(6, 'UTC') COMMENT 'Event time of the last change.',
    resolved_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Event time at which it ended.',
    provisional Bool COMMENT 'True until every minute of the evidence is final.',
    observed Float64 COMMENT 'What was counted.',
    expected Float64 COMMENT 'What the baseline expects.',
    threshold Float64 COMMENT 'The cut.',
    probability Nullable(Float64) COMMENT 'Chance of the observation under the baseline.',
    contributing_keys Array(String) COMMENT 'Personal data. Keys with the largest share.',
    contributing_counts Array(Int64) COMMENT 'Their counts, in the same order.',
    sample_request_ids Array(String) COMMENT 'A few requests.',
    sample_session_ids Array(String) COMMENT 'Personal data. A few sessions.',
    evidence_query String COMMENT 'Personal data. ClickHouse query that shows the evidence.',
    caveat String COMMENT 'What the data cannot prove.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (fingerprint, episode)
COMMENT 'Everything received, copies included; read the view anomalies.';

CREATE OR REPLACE VIEW anomalies
(
    fingerprint String COMMENT 'Stable identity of rule and key, 32 hex digits.',
    episode String COMMENT 'Identity of this occurrence: fingerprint and start.',
    status LowCardinality(String) COMMENT 'open, updated, resolved, revised or retracted.',
    version UInt64 COMMENT 'Grows with every publication.',
    rule LowCardinality(String) COMMENT 'Rule that fired.',
    detector LowCardinality(String) COMMENT 'Detector the rule uses.',
    severity LowCardinality(String) COMMENT 'info, warning or critical.',
    title String COMMENT 'One line.',
    explanation String COMMENT 'Personal data. What was seen, against what, for the reader of the alert.',
    action String COMMENT 'What the reader should do.',
    dimension LowCardinality(String) COMMENT 'Dimension of the key.',
    `key` String COMMENT 'Personal data. What it is about; empty for the whole instance.',
    feeds Array(LowCardinality(String)) COMMENT 'Feeds that show it.',
    window_start DateTime64(6, 'UTC') COMMENT 'First minute of the evidence.',
    window_end DateTime64(6, 'UTC') COMMENT 'End of the last minute of the evidence.',
    opened_at DateTime64(6, 'UTC') COMMENT 'Event time at which it opened.',
    updated_at DateTime64(6, 'UTC') COMMENT 'Event time of the last change.',
    resolved_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Event time at which it ended.',
    provisional Bool COMMENT 'True until every minute of the evidence is final.',
    observed Float64 COMMENT 'What was counted.',
    expected Float64 COMMENT 'What the baseline expects.',
    threshold Float64 COMMENT 'The cut.',
    probability Nullable(Float64) COMMENT 'Chance of the observation under the baseline.',
    contributing_keys Array(String) COMMENT 'Personal data. Keys with the largest share.',
    contributing_counts Array(Int64) COMMENT 'Their counts, in the same order.',
    sample_request_ids Array(String) COMMENT 'A few requests.',
    sample_session_ids Array(String) COMMENT 'Personal data. A few sessions.',
    evidence_query String COMMENT 'Personal data. ClickHouse query that shows the evidence.',
    caveat String COMMENT 'What the data cannot prove.'
)
AS SELECT
    fingerprint,
    episode,
    status,
    version,
    rule,
    detector,
    severity,
    title,
    explanation,
    action,
    dimension,
    `key`,
    feeds,
    window_start,
    window_end,
    opened_at,
    updated_at,
    resolved_at,
    provisional,
    observed,
    expected,
    threshold,
    probability,
    contributing_keys,
    contributing_counts,
    sample_request_ids,
    sample_session_ids,
    evidence_query,
    caveat
FROM anomalies_store FINAL
WHERE NOT (
    dimension = 'masquerader'
    AND (
      toInt64OrZero(`key`) IN (SELECT user_id FROM erased_people)
      OR hasAny(
        arrayMap(other -> toInt64OrZero(other), contributing_keys),
        (SELECT groupArray(user_id) FROM erased_people)
      )
    )
  )
COMMENT 'One alert\'s present state.';
