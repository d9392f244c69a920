-- What was done with dead letters, and which of them still wait.

CREATE TABLE IF NOT EXISTS dead_letter_actions_store
(
    letter String COMMENT 'Identity of the dead letter: 32 hex digits.',
    action LowCardinality(String) COMMENT 'replayed or discarded.',
    `rows` Int64 COMMENT 'Records that the replay published.',
    done_at DateTime64(6, 'UTC') COMMENT 'When it was done.'
)
ENGINE = ReplacingMergeTree(done_at)
ORDER BY letter
COMMENT 'Everything received, copies included; read the view dead_letter_actions.';

CREATE OR REPLACE VIEW dead_letter_actions
(
    letter String COMMENT 'Identity of the dead letter: 32 hex digits.',
    action LowCardinality(String) COMMENT 'replayed or discarded.',
    `rows` Int64 COMMENT 'Records that the replay published.',
    done_at DateTime64(6, 'UTC') COMMENT 'When it was done.'
)
AS SELECT
    letter,
    action,
    `rows`,
    done_at
FROM dead_letter_actions_store FINAL
COMMENT 'What an operator did with a dead letter, once and for all.';

-- The identity is made of what tells dead letters apart; pipeline/sink/letters.py has no other.
CREATE OR REPLACE VIEW dead_letters_by_id
(
    letter String COMMENT 'Identity of the dead letter: 32 hex digits.',
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
    lower(substring(hex(SHA256(concat(
        source, '|', location, '|', payload_sha256, '|', toString(toUnixTimestamp64Micro(happened_at))
    ))), 1, 32)) AS letter,
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
FROM dead_letters
COMMENT 'Dead letters with their identities.';

CREATE OR REPLACE VIEW dead_letters_waiting
(
    letter String COMMENT 'Identity of the dead letter: 32 hex digits.',
    source LowCardinality(String) COMMENT 'Agent or stage and input.',
    feed LowCardinality(String) COMMENT 'Feed it came from.',
    location String COMMENT 'File and line, or topic, partition and offset.',
    reason LowCardinality(String) COMMENT 'Short code: json, shape, value, time, too_large, schema.',
    detail String COMMENT 'Readable reason, without the row\'s values.',
    cut Bool COMMENT 'True if the payload was cut; it cannot be replayed then.',
    happened_at DateTime64(6, 'UTC') COMMENT 'When it was found.'
)
AS SELECT
    letter,
    source,
    feed,
    location,
    reason,
    detail,
    cut,
    happened_at
FROM dead_letters_by_id
WHERE letter NOT IN (SELECT letter FROM dead_letter_actions)
COMMENT 'Dead letters that were neither replayed nor discarded.';
