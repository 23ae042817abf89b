from api_world import (
    api_database,
    api_template,
    app,
    http,
    new_tenant,
    other,
    sessions,
    settings,
    tenant,
    viewer,
    workbook,
)

__all__ = [
    "api_database",
    "api_template",
    "app",
    "http",
    "new_tenant",
    "other",
    "sessions",
    "settings",
    "tenant",
    "viewer",
    "workbook",
]
