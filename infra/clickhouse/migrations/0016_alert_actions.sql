-- What somebody decided about alerts, every decision kept; and what alerts say of themselves since.

CREATE TABLE IF NOT EXISTS alert_actions_store
(
    fingerprint String COMMENT 'What it is about: the fingerprint of an alert, rule:<id>, or * for all.',
    action LowCardinality(String) COMMENT 'ack, unack, silence, unsilence or undelivered.',
    who String COMMENT 'Personal data. Who did it.',
    why String COMMENT 'Personal data. Why.',
    until Nullable(DateTime64(6, 'UTC')) COMMENT 'When a silence ends.',
    acted_at DateTime64(6, 'UTC') COMMENT 'When it was done.',
    begins_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When a silence begins; null: at once.',
    episode Nullable(String) COMMENT 'Occurrence that was acknowledged or not delivered.',
    channel LowCardinality(Nullable(String)) COMMENT 'Channel that did not take it.'
)
ENGINE = ReplacingMergeTree
ORDER BY (fingerprint, acted_at, action)
COMMENT 'Everything received, copies included; read the view alert_actions.';

CREATE OR REPLACE VIEW alert_actions
(
    fingerprint String COMMENT 'What it is about: the fingerprint of an alert, rule:<id>, or * for all.',
    action LowCardinality(String) COMMENT 'ack, unack, silence, unsilence or undelivered.',
    who String COMMENT 'Personal data. Who did it.',
    why String COMMENT 'Personal data. Why.',
    until Nullable(DateTime64(6, 'UTC')) COMMENT 'When a silence ends.',
    acted_at DateTime64(6, 'UTC') COMMENT 'When it was done.',
    begins_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When a silence begins; null: at once.',
    episode Nullable(String) COMMENT 'Occurrence that was acknowledged or not delivered.',
    channel LowCardinality(Nullable(String)) COMMENT 'Channel that did not take it.'
)
AS SELECT
    fingerprint,
    action,
    who,
    why,
    until,
    acted_at,
    begins_at,
    episode,
    channel
FROM alert_actions_store FINAL
COMMENT 'Acknowledgements, silences and failed deliveries, one row each.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS rule_version LowCardinality(String) COMMENT 'Digest of all in the rule that decides: another one, other judgement.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS owner LowCardinality(Nullable(String)) COMMENT 'Who looks after the rule.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS severity_was LowCardinality(Nullable(String)) COMMENT 'Severity that the rule begins with, where the present one has risen above it.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS judged_minutes Int64 COMMENT 'Length of the window in which the observation was counted, in minutes.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS baseline_days Nullable(Float64) COMMENT 'Days of history behind the expectation; null: not known.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS contributing_permille Array(Int64) COMMENT 'Shares of the contributing keys in the whole, in thousandths, in the same order.';

ALTER TABLE anomalies_store ADD COLUMN IF NOT EXISTS suppressed Int64 COMMENT 'Further alerts that the rule\'s suppression kept back because of this one.';

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
    caveat String COMMENT 'What the data cannot prove.',
    rule_version LowCardinality(String) COMMENT 'Digest of all in the rule that decides: another one, other judgement.',
    owner LowCardinality(Nullable(String)) COMMENT 'Who looks after the rule.',
    severity_was LowCardinality(Nullable(String)) COMMENT 'Severity that the rule begins with, where the present one has risen above it.',
    judged_minutes Int64 COMMENT 'Length of the window in which the observation was counted, in minutes.',
    baseline_days Nullable(Float64) COMMENT 'Days of history behind the expectation; null: not known.',
    contributing_permille Array(Int64) COMMENT 'Shares of the contributing keys in the whole, in thousandths, in the same order.',
    suppressed Int64 COMMENT 'Further alerts that the rule\'s suppression kept back because of this one.'
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
    caveat,
    rule_version,
    owner,
    severity_was,
    judged_minutes,
    baseline_days,
    contributing_permille,
    suppressed
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
