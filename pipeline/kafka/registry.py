"""Schema registries: the files of the repository, or a server with Confluent's REST API."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.codecs.fingerprint import schema_id
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.domain.topics import TOPICS, Topic

Schema = dict[str, Any]

SCHEMA_NOT_FOUND: Final = 40403
"""Confluent's error code for an id, or a schema of a subject, that the registry does not have."""

SUBJECT_NOT_FOUND: Final = 40401


class FileRegistry:
    """The schemas of a directory, released versions (``released/<n>/``) included.

    An id is the schema's 31-bit fingerprint, so it never means something else on a real server.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def schemas(self) -> Schemas:
        """Read the directory. Raises OurMistake (no schemas, or one is not JSON)."""
        named = {path.stem: _read(path) for path in sorted(self._directory.glob("*.avsc"))}
        if not named:
            raise OurMistake(f"There are no Avro schemas in {self._directory}.")
        known = {schema_id(schema): schema for schema in named.values()}
        for path in sorted(self._directory.glob("released/*/*.avsc")):
            schema = _read(path)
            known.setdefault(schema_id(schema), schema)
        ids = {name: schema_id(schema) for name, schema in named.items()}
        return Schemas(named, ids, known.get)


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """Address and rights of a registry server."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout_s: float = 5.0
    retry_s: float = 20.0


class ConfluentRegistry:
    """A registry server with Confluent's REST API; subjects are ``<topic>-value``.

    Calls block; they are made at start, and when a record comes with a schema never seen before.
    """

    def __init__(
        self,
        access: RegistryAccess,
        directory: Path,
        *,
        topics: Sequence[Topic] = TOPICS,
        named: Callable[[str], str] = str,
    ) -> None:
        self._access = access
        self._directory = directory
        self._topics = topics
        self._named = named
        self._context = (
            ssl.create_default_context(cafile=access.ca_file)
            if access.url.startswith("https:")
            else None
        )

    def schemas(self, *, register: bool) -> Schemas:
        """Return our schemas under the server's ids.

        With ``register`` they are registered where missing, else they must be there.
        Raises Unavailable, OurMistake (missing, or incompatible with what is registered).
        """
        named: dict[str, Schema] = {}
        ids: dict[str, int] = {}
        for topic in self._topics:
            schema = named.setdefault(topic.schema, _read(self._directory / f"{topic.schema}.avsc"))
            subject = f"{self._named(topic.name)}-value"
            number = self.register(subject, schema) if register else self.find(subject, schema)
            ids.setdefault(topic.schema, number)
        return Schemas(named, ids, self.by_id)

    def register(self, subject: str, schema: Schema) -> int:
        """Register a schema under a subject and return its id; the same schema keeps its id."""
        answer = self._call(
            f"/subjects/{quote(subject, safe='')}/versions", {"schema": _text(schema)}
        )
        return int(answer["id"])

    def find(self, subject: str, schema: Schema) -> int:
        """Return the id of a registered schema. Raises OurMistake if the subject has it not."""
        answer = self._call(
            f"/subjects/{quote(subject, safe='')}",
            {"schema": _text(schema)},
            missing=frozenset({SUBJECT_NOT_FOUND, SCHEMA_NOT_FOUND}),
        )
        if not answer:
            raise OurMistake(f"The registry has no such schema for {subject}: register it first.")
        return int(answer["id"])

    def by_id(self, number: int) -> Schema | None:
        """Return a schema by id, None if the registry does not have it. Raises Unavailable."""
        answer = self._call(f"/schemas/ids/{number}", missing=frozenset({SCHEMA_NOT_FOUND}))
        if not answer:
            return None
        schema = json.loads(answer["schema"])
        return schema if isinstance(schema, dict) else None

    def _call(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        missing: frozenset[int] = frozenset(),
    ) -> dict[str, Any]:
        """Return the answer, empty if its error code is one of ``missing``."""
        retrying = Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(self._access.retry_s),
            wait=wait_exponential_jitter(multiplier=0.2, max=3.0),
            reraise=True,
        )
        return retrying(self._once, path, body, missing)

    def _once(
        self, path: str, body: Mapping[str, Any] | None, missing: frozenset[int]
    ) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked by `_open`
            self._access.url.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            headers=self._headers(),
        )
        try:
            answer: dict[str, Any] = json.loads(self._open(request))
        except urllib.error.HTTPError as error:
            code, says = _problem(error)
            if error.code == 404 and code in missing:
                return {}
            if error.code >= 500 or error.code == 429:
                raise Unavailable(f"The schema registry answered {error.code}.") from error
            raise OurMistake(f"The schema registry refused {path}: {says}") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"The schema registry does not answer: {error}") from error
        return answer

    def _open(self, request: urllib.request.Request) -> bytes:
        if request.type not in {"http", "https"}:
            raise OurMistake("The schema registry's address must begin with http: or https:.")
        with urllib.request.urlopen(  # noqa: S310 - checked above
            request, timeout=self._access.timeout_s, context=self._context
        ) as response:
            content: bytes = response.read()
            return content

    def _headers(self) -> dict[str, str]:
        kind = "application/vnd.schemaregistry.v1+json"
        headers = {"Content-Type": kind, "Accept": f"{kind}, application/json"}
        if self._access.username is not None:
            pair = f"{self._access.username}:{self._access.password or ''}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return headers


def _problem(error: urllib.error.HTTPError) -> tuple[int, str]:
    """Return error code and message of a registry's answer, whatever shape it has."""
    try:
        answer = json.loads(error.read())
        return int(answer.get("error_code", error.code)), str(answer.get("message", error.reason))
    except (ValueError, AttributeError):
        return error.code, str(error.reason)


def _read(path: Path) -> Schema:
    try:
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OurMistake(f"The schema {path} cannot be read: {error}") from error
    return schema


def _text(schema: Schema) -> str:
    return json.dumps(schema, separators=(",", ":"))
