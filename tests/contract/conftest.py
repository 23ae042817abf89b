import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "api"))

from api_world import (
    api_database,
    app,
    http,
    new_tenant,
    other,
    sessions,
    settings,
    shared_database,
    tenant,
    viewer,
    workbook,
)

__all__ = [
    "api_database",
    "app",
    "http",
    "new_tenant",
    "other",
    "sessions",
    "settings",
    "shared_database",
    "tenant",
    "viewer",
    "workbook",
]
