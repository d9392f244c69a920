-- What could not be understood; copies of one record are identical.

CREATE TABLE IF NOT EXISTS dead_letters_store
(
    source LowCardinality(String) COMMENT 'Agent or stage and input.',
    feed LowCardinality(String) COMMENT 'Feed it came from.',
    location String COMMENT 'File and line, or topic, partition and offset.',
    reason LowCardinality(String) COMMENT 'Short code: json, shape, value, time, too_large, schema.',
    detail String COMMENT 'Readable reason, without the row\'s values.',
    error_class LowCardinality(String) COMMENT 'Class of the error.',
    payload String COMMENT 'Personal data. Original bytes with secrets masked, up to the record limit.' CODEC(ZSTD(1)),
    payload_length Int64 COMMENT 'Length of the original in bytes.',
    payload_sha256 String COMMENT 'SHA-256 of the original, hex.',
    cut Bool COMMENT 'True if the payload was cut; it cannot be replayed then.',
    sealed Nullable(String) COMMENT 'Personal data. The unmasked original, encrypted, if a key is configured.',
    happened_at DateTime64(6, 'UTC') COMMENT 'When it was found.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(happened_at)
ORDER BY (toStartOfHour(happened_at), source, location, payload_sha256, happened_at)
TTL happened_at + toIntervalDay(90)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view dead_letters.';

CREATE OR REPLACE VIEW dead_letters
(
    source LowCardinality(String) COMMENT 'Agent or stage and input.',
    feed LowCardinality(String) COMMENT 'Feed it came from.',
    location String COMMENT 'File and line, or topic, partition and offset.',
    reason LowCardinality(String) COMMENT 'Short code: json, shape, value, time, too_large, schema.',
    detail String COMMENT 'Readable reason, without the row\'s values.',
    error_class LowCardinality(String) COMMENT 'Class of the error.',
    payload String COMMENT 'Personal data. Original bytes with secrets masked, up to the record limit.',
    payload_length Int64 COMMENT 'Length of the original in bytes.',
    payload_sha256 String COMMENT 'SHA-256 of the original, hex.',
    cut Bool COMMENT 'True if the payload was cut; it cannot be replayed then.',
    sealed Nullable(String) COMMENT 'Personal data. The unmasked original, encrypted, if a key is configured.',
    happened_at DateTime64(6, 'UTC') COMMENT 'When it was found.'
)
AS SELECT
    source,
    feed,
    location,
    reason,
    detail,
    error_class,
    payload,
    payload_length,
    payload_sha256,
    cut,
    sealed,
    happened_at
FROM dead_letters_store FINAL
COMMENT 'Something that could not be understood.';
