-- How many Live Events never came: measured against web_logs, which records every request.

CREATE OR REPLACE VIEW requests_with_events
(
    hour DateTime('UTC') COMMENT 'Hour of the requests, UTC.',
    controller LowCardinality(String) COMMENT 'Rails controller; empty if unspecified.',
    action LowCardinality(String) COMMENT 'Rails action; empty if unspecified.',
    http_method LowCardinality(String) COMMENT 'HTTP method.',
    status_class UInt8 COMMENT 'First digit of the status.',
    requests UInt64 COMMENT 'Requests in web_logs.',
    with_events UInt64 COMMENT 'Those of them whose id some Live Event names.'
)
AS SELECT
    toStartOfHour(`timestamp`) AS hour,
    ifNull(web_application_controller, '') AS controller,
    ifNull(web_application_action, '') AS action,
    http_method,
    toUInt8(least(9, intDiv(greatest(http_status, 0), 100))) AS status_class,
    uniqExact(id) AS requests,
    uniqExactIf(id, toString(id) IN (
        SELECT assumeNotNull(request_id) FROM live_events_store
        WHERE request_id IS NOT NULL
          AND event_time >= (SELECT max(`timestamp`) - INTERVAL 31 DAY FROM web_logs_store)
    )) AS with_events
FROM web_logs_store
WHERE `timestamp` >= (SELECT max(`timestamp`) - INTERVAL 30 DAY FROM web_logs_store)
GROUP BY hour, controller, action, http_method, status_class
COMMENT 'Requests of the last 30 days of web_logs per hour and kind, joined with Live Events on the request id.';

CREATE OR REPLACE VIEW live_events_loss
(
    hour DateTime('UTC') COMMENT 'Hour of the requests, UTC.',
    requests UInt64 COMMENT 'Requests of kinds that usually cause a Live Event.',
    with_events UInt64 COMMENT 'Those of them that did.',
    expected Float64 COMMENT 'How many would have by the usual share of their kinds.',
    lost Float64 COMMENT 'expected less with_events, never below 0.',
    lost_share Float64 COMMENT 'lost / expected.'
)
AS WITH usual AS
(
    SELECT
        controller,
        action,
        http_method,
        status_class,
        quantileExact(0.9)(with_events / requests) AS share
    FROM requests_with_events
    WHERE requests >= 10
    GROUP BY controller, action, http_method, status_class
    HAVING share >= 0.5
)
SELECT
    r.hour AS hour,
    sum(r.requests) AS requests,
    sum(r.with_events) AS with_events,
    sum(r.requests * u.share) AS expected,
    greatest(0., expected - with_events) AS lost,
    lost / expected AS lost_share
FROM requests_with_events AS r
INNER JOIN usual AS u
    ON r.controller = u.controller AND r.action = u.action
    AND r.http_method = u.http_method AND r.status_class = u.status_class
GROUP BY hour
COMMENT 'Loss of Live Events per hour. A kind of request causes events in a usual share of cases (its 90th percentile over hours with 10 requests or more); what an hour falls short of that is lost. A loss that is the same in every hour is not seen. The last hours are low until both feeds are here.';
