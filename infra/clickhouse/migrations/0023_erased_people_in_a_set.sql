-- Erased people are looked for in a set. hasAny went through all who were ever erased for every row:
-- a million sessions took 4 s with a thousand of them and 42 s with ten thousand; now 0.1 s.

CREATE OR REPLACE VIEW sessions
(
    session_id String COMMENT 'Personal data. Canvas session id, 32 hex digits.',
    start DateTime64(6, 'UTC') COMMENT 'Earliest row; with session_id the identity.',
    `end` DateTime64(6, 'UTC') COMMENT 'Latest row.',
    status LowCardinality(String) COMMENT 'open, closed, final or withdrawn.',
    version UInt64 COMMENT 'Grows with every publication: generation << 48 | sequence.',
    revision Int64 COMMENT 'Rows included.',
    continued Bool COMMENT 'True if cut at the start of an activity day from a neighbour within the gap.',
    closes_at DateTime64(6, 'UTC') COMMENT 'end plus the gap.',
    requests Int64 COMMENT 'web_logs rows.',
    events Int64 COMMENT 'Live Events.',
    pages Int64 COMMENT 'GET requests below 400 outside /api/, without keep-alive pings.',
    writes Int64 COMMENT 'Requests with POST, PUT, PATCH or DELETE.',
    participations Int64 COMMENT 'Requests marked participated.',
    status_1xx Int64 COMMENT 'Requests with status 100 to 199.',
    status_2xx Int64 COMMENT 'Requests with status 200 to 299.',
    status_3xx Int64 COMMENT 'Requests with status 300 to 399.',
    status_4xx Int64 COMMENT 'Requests with status 400 to 499.',
    status_5xx Int64 COMMENT 'Requests with status 500 to 599.',
    status_other Int64 COMMENT 'Requests with any other status.',
    errors Int64 COMMENT 'Requests with status 400 or more.',
    duration_sum Int64 COMMENT 'Sum of durations, microseconds.',
    duration_max Int64 COMMENT 'Longest duration, microseconds.',
    masqueraded_requests Int64 COMMENT 'Requests made while masquerading.',
    masqueraded_events Int64 COMMENT 'Live Events made while masquerading.',
    actor Nullable(Int64) COMMENT 'Personal data. Real user of the earliest row that names one.',
    actor_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Time of that row.',
    actor_key Nullable(String) COMMENT 'Event key of that row: the tie-break.',
    entry_path Nullable(String) COMMENT 'Personal data. Path of the earliest row that has one.',
    entry_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Time of that row.',
    entry_key Nullable(String) COMMENT 'Event key of that row.',
    exit_path Nullable(String) COMMENT 'Personal data. Path of the latest row that has one.',
    exit_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Time of that row.',
    exit_key Nullable(String) COMMENT 'Event key of that row.',
    courses Array(Int64) COMMENT 'Courses visited, the members with the smallest hashes if capped.',
    courses_distinct Int64 COMMENT 'Courses visited: how many, estimated if capped.',
    courses_capped Bool COMMENT 'Courses visited: more than the cap were seen.',
    controllers Array(LowCardinality(String)) COMMENT 'Controllers used, the members with the smallest hashes if capped.',
    controllers_distinct Int64 COMMENT 'Controllers used: how many, estimated if capped.',
    controllers_capped Bool COMMENT 'Controllers used: more than the cap were seen.',
    ips Array(String) COMMENT 'Personal data. Client addresses, the members with the smallest hashes if capped.',
    ips_distinct Int64 COMMENT 'Client addresses: how many, estimated if capped.',
    ips_capped Bool COMMENT 'Client addresses: more than the cap were seen.',
    user_agents Array(Int64) COMMENT '64-bit hashes of user agents, the members with the smallest hashes if capped.',
    user_agents_distinct Int64 COMMENT '64-bit hashes of user agents: how many, estimated if capped.',
    user_agents_capped Bool COMMENT '64-bit hashes of user agents: more than the cap were seen.',
    users Array(Int64) COMMENT 'Personal data. Users whose rights were used, the members with the smallest hashes if capped.',
    users_distinct Int64 COMMENT 'Users whose rights were used: how many, estimated if capped.',
    users_capped Bool COMMENT 'Users whose rights were used: more than the cap were seen.',
    masquerade_targets Array(Int64) COMMENT 'Personal data. Users acted as while masquerading, the members with the smallest hashes if capped.',
    masquerade_targets_distinct Int64 COMMENT 'Users acted as while masquerading: how many, estimated if capped.',
    masquerade_targets_capped Bool COMMENT 'Users acted as while masquerading: more than the cap were seen.',
    developer_keys Array(Int64) COMMENT 'Developer keys used, the members with the smallest hashes if capped.',
    developer_keys_distinct Int64 COMMENT 'Developer keys used: how many, estimated if capped.',
    developer_keys_capped Bool COMMENT 'Developer keys used: more than the cap were seen.',
    logged_in_at Nullable(DateTime64(6, 'UTC')) COMMENT 'First login event.',
    logged_out_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Last logout event.',
    web_logs_first_offset Nullable(Int64) COMMENT 'Smallest input offset of its web_logs rows.',
    web_logs_last_offset Nullable(Int64) COMMENT 'Largest one.',
    live_events_first_offset Nullable(Int64) COMMENT 'Smallest input offset of its Live Events.',
    live_events_last_offset Nullable(Int64) COMMENT 'Largest one.'
)
AS SELECT
    session_id,
    start,
    `end`,
    status,
    version,
    revision,
    continued,
    closes_at,
    requests,
    events,
    pages,
    writes,
    participations,
    status_1xx,
    status_2xx,
    status_3xx,
    status_4xx,
    status_5xx,
    status_other,
    errors,
    duration_sum,
    duration_max,
    masqueraded_requests,
    masqueraded_events,
    actor,
    actor_at,
    actor_key,
    entry_path,
    entry_at,
    entry_key,
    exit_path,
    exit_at,
    exit_key,
    courses,
    courses_distinct,
    courses_capped,
    controllers,
    controllers_distinct,
    controllers_capped,
    ips,
    ips_distinct,
    ips_capped,
    user_agents,
    user_agents_distinct,
    user_agents_capped,
    users,
    users_distinct,
    users_capped,
    masquerade_targets,
    masquerade_targets_distinct,
    masquerade_targets_capped,
    developer_keys,
    developer_keys_distinct,
    developer_keys_capped,
    logged_in_at,
    logged_out_at,
    web_logs_first_offset,
    web_logs_last_offset,
    live_events_first_offset,
    live_events_last_offset
FROM sessions_store FINAL
WHERE ifNull(actor, 0) NOT IN (SELECT user_id FROM erased_people)
  AND NOT arrayExists(person -> person IN (SELECT user_id FROM erased_people), users)
  AND NOT arrayExists(person -> person IN (SELECT user_id FROM erased_people), masquerade_targets)
COMMENT 'Requests and events of one Canvas session id with gaps of at most 30 minutes: the result, and the whole state of the sessionize stage.';

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
    (
      dimension IN (
        'admin_actor', 'admin_by_hand', 'audit_change', 'course_change', 'course_deleted_by',
        'course_reset_by', 'download_actor', 'grade_write', 'grader', 'grader_up',
        'login_account', 'masquerader', 'masqueraded_admin', 'masqueraded_write', 'token',
        'token_admin', 'token_agent', 'token_course'
      )
      AND toInt64OrZero(splitByChar('#', `key`)[-1]) IN (SELECT user_id FROM erased_people)
    )
    OR (
      dimension IN (
        'admin_change', 'graded_course', 'login_ip', 'masquerader', 'masqueraded_admin',
        'masqueraded_write'
      )
      AND arrayExists(
        member -> toInt64OrZero(member) IN (SELECT user_id FROM erased_people), members
      )
    )
  )
COMMENT 'Absolute counts of one minute, dimension and key over all partitions: the result, and the state of the detect stage. The highest version counts.';

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
    (
      dimension IN (
        'admin_actor', 'admin_by_hand', 'audit_change', 'course_change', 'course_deleted_by',
        'course_reset_by', 'download_actor', 'grade_write', 'grader', 'grader_up',
        'login_account', 'masquerader', 'masqueraded_admin', 'masqueraded_write', 'token',
        'token_admin', 'token_agent', 'token_course'
      )
      AND toInt64OrZero(splitByChar('#', `key`)[-1]) IN (SELECT user_id FROM erased_people)
    )
    OR (
      dimension IN (
        'admin_change', 'graded_course', 'login_ip', 'masquerader', 'masqueraded_admin',
        'masqueraded_write'
      )
      AND arrayExists(
        member -> toInt64OrZero(member) IN (SELECT user_id FROM erased_people), contributing_keys
      )
    )
  )
COMMENT 'One alert\'s present state.';
