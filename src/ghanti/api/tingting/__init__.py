"""The TingTing API v1: parses, authorises and translates shapes; the rules are the services'."""

from fastapi import APIRouter

from ghanti.api.tingting import (
    auths,
    campaigns,
    choices,
    contacts,
    dashboard,
    demo_calls,
    media,
    otp,
    payments,
    previews,
    runs,
    survey_templates,
    surveys,
)

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX)
for part in (
    auths,
    choices,
    campaigns,
    contacts,
    runs,
    demo_calls,
    previews,
    surveys,
    survey_templates,
    otp,
    dashboard,
    payments,
    media,
):
    router.include_router(part.router)
