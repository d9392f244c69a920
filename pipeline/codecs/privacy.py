"""Columns of what agents publish, without people (or with pseudonyms for them).

Agents apply it after redaction, before the partition is taken: a session's rows of both feeds
still meet, and no topic, table or late row ever holds what was replaced. Sessions work as before:
ids stay numbers, equal ones stay equal and different ones different, so masquerading
(real user ≠ user) is seen as before. Event keys are made before, of what was received.

The rest of a record (session and request ids among it) stays: who may read Canvas itself can find
the person again by them. It is pseudonymisation (GDPR, article 4 (5)), not anonymity.
"""

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

from pipeline.codecs.canonical import SHARD
from pipeline.codecs.personal_json import PersonalJson
from pipeline.codecs.personal_texts import PERSONAL, PersonalTexts
from pipeline.codecs.privacy_rules import PrivacyRules, Replacements
from pipeline.codecs.pseudonyms import Pseudonyms
from pipeline.codecs.record_limit import DEFAULT_LIMIT, fit

_PEOPLE: Final = ("user_id", "real_user_id")
_NAMES: Final = ("user_login", "user_sis_id")
_IPS: Final = ("remote_ip", "client_ip")
_NEVER_BLANK: Final = "client_ip"
"""A part of the partition key; a blank one would bring all such rows to one partition."""
_URLS: Final = ("url", "referrer")
_JSON: Final = ("body", "event_data", "extra")
_CONTEXTS: Final = (
    ("context_type", "context_id"),
    ("web_application_context_type", "web_application_context_id"),
)
_USER: Final = "User"
_OF_DEAD_LETTERS: Final = "sealed"


class Privacy:
    """The rules with their key.

    ``home_shard`` is the institution's: its global ids get the pseudonyms of the local ones.
    Raises ValueError for a key that is too short.
    """

    def __init__(
        self,
        rules: PrivacyRules,
        key: bytes,
        home_shard: int | None = None,
        record_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.rules = rules
        self._home_shard = home_shard
        self._record_limit = record_limit
        pseudonyms = Pseudonyms(key)
        self._texts = PersonalTexts(pseudonyms)
        self._replacements = Replacements(rules, pseudonyms, self._texts)
        self._json = PersonalJson(rules, self._texts, self._replacements)

    def person(self, number: int) -> int:
        """Return how a user id (local or global) stands in everything published."""
        if self.rules.users == "keep":
            return number
        return self._texts.person(number, self._home_shard)

    def applied(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows of any feed, dead letters and other records with people replaced.

        A dead letter nobody could parse may hold anything: it keeps no payload but the sealed one.
        """
        if frame.is_empty():
            return frame
        if _OF_DEAD_LETTERS in frame.columns:
            return frame.with_columns(pl.lit(b"").alias("payload"), pl.lit(value=True).alias("cut"))
        if "event_key" not in frame.columns and "session_id" not in frame.columns:
            return frame
        shards = self._shards(frame)
        columns = [
            *self._ids(frame),
            *(_mapped(frame[name], self._replacements.name) for name in _in(frame, _NAMES)),
            *(
                _no_blanks(_mapped(frame[name], self._replacements.address), name)
                for name in _in(frame, _IPS)
            ),
            *self._user_agents(frame),
            *(self._urls(frame[name], shards) for name in _in(frame, _URLS)),
            *(self._jsons(frame[name], shards) for name in _in(frame, _JSON)),
        ]
        frame = frame.with_columns(columns)
        # Ids grow by being replaced: what just fitted may not fit any more.
        return fit(frame, _in(frame, _URLS), _in(frame, _JSON), self._record_limit)

    def _shards(self, frame: pl.DataFrame) -> pl.Series | None:
        """Return the home shard of each row (rule 2); None if all have the configured one."""
        if "event_key" not in frame.columns:
            return None
        root = pl.col("root_account_id")
        own = pl.when(root >= SHARD).then(root // SHARD).otherwise(self._home_shard)
        return frame.select(own.alias("shard")).to_series()

    def _ids(self, frame: pl.DataFrame) -> list[pl.Series]:
        if self.rules.users == "keep":
            return []
        columns = [self._people(frame[name]) for name in _in(frame, _PEOPLE)]
        for kind, name in _CONTEXTS:
            if (
                name in frame.columns
                and (users := (frame[kind] == _USER).fill_null(value=False)).any()
            ):
                column = frame[name]
                columns.append(self._people(column).zip_with(users, column).alias(name))
        return columns

    def _people(self, column: pl.Series) -> pl.Series:
        found = column.drop_nulls().unique()
        if found.is_empty():
            return column
        people = [self._texts.person(number, self._home_shard) for number in found.to_list()]
        return column.replace_strict(found, pl.Series(people, dtype=pl.Int64), default=None)

    def _user_agents(self, frame: pl.DataFrame) -> list[pl.Series]:
        if self.rules.user_agents == "keep" or "user_agent" not in frame.columns:
            return []
        return [pl.Series("user_agent", [None] * frame.height, dtype=pl.String)]

    def _urls(self, column: pl.Series, shards: pl.Series | None) -> pl.Series:
        if self.rules.urls == "keep":
            return column
        if self.rules.urls == "drop":
            found = column.is_not_null()
        else:
            found = column.str.contains(PERSONAL).fill_null(value=False)
        return self._some(column, found, shards, self._replacements.url)

    def _jsons(self, column: pl.Series, shards: pl.Series | None) -> pl.Series:
        return self._some(column, column.is_not_null(), shards, self._json.replaced)

    def _some(
        self,
        column: pl.Series,
        found: pl.Series,
        shards: pl.Series | None,
        replace: Callable[[str, int | None], str],
    ) -> pl.Series:
        rows = found.arg_true()
        if not len(rows):
            return column
        texts = column.gather(rows).to_list()
        homes = [self._home_shard] * len(rows) if shards is None else shards.gather(rows).to_list()
        # Per text: 3 µs for a URL that names somebody, about 15 µs for a body.
        replaced = [replace(text, home) for text, home in zip(texts, homes, strict=True)]
        return column.scatter(rows, pl.Series(replaced, dtype=pl.String))


def _in(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in frame.columns]


def _mapped(column: pl.Series, replace: Callable[[str], str]) -> pl.Series:
    found = column.drop_nulls().unique()
    if found.is_empty():
        return column
    replaced = pl.Series([replace(text) for text in found.to_list()], dtype=pl.String)
    return column.replace_strict(found, replaced, default=None)


def _no_blanks(column: pl.Series, name: str) -> pl.Series:
    return column.set(column == "", None) if name == _NEVER_BLANK else column
