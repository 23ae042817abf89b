"""What can be wrong with the embedded server; each message says what to do."""

from __future__ import annotations


class EmbeddedServerError(RuntimeError):
    """The embedded PostgreSQL can't serve."""


class DataFolderInUse(EmbeddedServerError):  # noqa: N818  (reads as the sentence it is)
    """Another process runs on this data folder."""


def reason(error: BaseException) -> str:
    """The first line of what the database said, without SQLAlchemy's words around it."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
