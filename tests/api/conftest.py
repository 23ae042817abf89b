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
