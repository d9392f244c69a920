-- What is to be forgotten. Kept for ever, so that what is erased stays erased, whatever comes later.

CREATE TABLE IF NOT EXISTS erasures_store
(
    kind LowCardinality(String) COMMENT 'request or person.',
    subject String COMMENT 'Personal data. Id of the request, or of the person.',
    requested_at DateTime64(6, 'UTC') COMMENT 'When the erasure was ordered, in source time.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When it was published.',
    source LowCardinality(String) COMMENT 'Where the order came from.'
)
ENGINE = ReplacingMergeTree(ingested_at)
ORDER BY (kind, subject)
COMMENT 'Everything received, copies included; read the view erasures.';

CREATE OR REPLACE VIEW erasures
(
    kind LowCardinality(String) COMMENT 'request or person.',
    subject String COMMENT 'Personal data. Id of the request, or of the person.',
    requested_at DateTime64(6, 'UTC') COMMENT 'When the erasure was ordered, in source time.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When it was published.',
    source LowCardinality(String) COMMENT 'Where the order came from.'
)
AS SELECT
    kind,
    subject,
    requested_at,
    ingested_at,
    source
FROM erasures_store FINAL
COMMENT 'A request or a person to forget.';

-- The two forms in which other views ask for it; a subject that is no id erases nothing.
CREATE OR REPLACE VIEW erased_requests
(
    id UUID COMMENT 'Erased request.',
    request_id String COMMENT 'The same as text.'
)
AS SELECT
    assumeNotNull(toUUIDOrNull(subject)) AS id,
    toString(id) AS request_id
FROM erasures
WHERE kind = 'request' AND toUUIDOrNull(subject) IS NOT NULL
COMMENT 'Requests to forget.';

CREATE OR REPLACE VIEW erased_people
(
    user_id Int64 COMMENT 'Personal data. Erased person.'
)
AS SELECT assumeNotNull(toInt64OrNull(subject)) AS user_id
FROM erasures
WHERE kind = 'person' AND toInt64OrNull(subject) != 0
COMMENT 'People to forget.';
