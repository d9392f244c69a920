"""Values nobody can read, and why."""

from pipeline.domain.bad_record import BadRecord, Reason


class Unreadable(ValueError):
    """A value is not a record of the schema it names.

    ``reason`` and ``detail`` go into the bad record; the detail quotes none of the value.
    """

    def __init__(self, detail: str, reason: Reason = "shape") -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail

    def bad_record(self, location: str, payload: bytes) -> BadRecord:
        """Return what is left of the record that came from ``location``."""
        return BadRecord(location, self.reason, self.detail, type(self).__name__, payload)


class NotFramed(Unreadable):
    """A value does not begin with the magic byte and a schema id."""

    def __init__(self) -> None:
        super().__init__("the value does not begin with magic byte 0 and a schema id", "schema")


class UnknownSchema(Unreadable):
    """No registry knows the schema id of a value."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id} is unknown", "schema")


class IncompatibleSchema(Unreadable):
    """A writer's schema cannot be read as ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "schema")
