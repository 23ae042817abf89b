"""Which errors mean that the database is away for now: worth trying again, or 503."""

from __future__ import annotations

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError, PoolTimeoutError, PendingRollbackError)
"""What a database outage, a failover or a deadlock looks like: worth trying again.

PendingRollbackError is how a session says at its commit that its connection was lost before.

Broken rules (IntegrityError, DataError) would be broken again.
"""
