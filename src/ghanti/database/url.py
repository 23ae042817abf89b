"""Connection URLs, as libpq reads them (PostgreSQL 18, section 32.1.1.2)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit


def socket_url(folder: Path, port: int, user: str, password: str, database: str) -> str:
    """The URL of ``database`` behind the Unix socket in ``folder``."""
    query = urlencode({"host": str(folder), "port": port}, quote_via=quote, safe="/")
    return (
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@/{quote(database, safe='')}?{query}"
    )


def with_database(url: str, database: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    return _join(parts.scheme, parts.netloc, f"/{quote(database, safe='')}", parts.query)


def for_sqlalchemy(url: str) -> str:
    """The URL with the driver that SQLAlchemy is to use: psycopg 3."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError(f"not a PostgreSQL URL: {redacted(url)}")
    return f"postgresql+psycopg{separator}{rest}"


def for_libpq(url: str) -> str:
    """The URL as psql and psycopg take it, without SQLAlchemy's driver."""
    _, separator, rest = url.partition("://")
    return f"postgresql{separator}{rest}"


def redacted(url: str) -> str:
    """The URL without its password, for logs and messages."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return _join(parts.scheme, f"{name}{at}{host}", parts.path, parts.query)


def _join(scheme: str, netloc: str, path: str, query: str) -> str:
    if netloc:
        return urlunsplit((scheme, netloc, path, query, ""))
    # urlunsplit drops the empty authority's slashes
    return f"{scheme}://{path}" + (f"?{query}" if query else "")
