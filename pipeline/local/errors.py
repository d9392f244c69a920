"""The one error of this room."""

from pipeline.domain.errors import OurMistake


class LocalStackError(OurMistake):
    """The local stack cannot start or go on; the message says why, with the server's last words."""
