"""The TingTing API v1: parses, authorises and translates shapes; the rules are the services'."""

from fastapi import APIRouter

from ghanti.api.tingting import (
    auths,
    campaigns,
    choices,
    contacts,
    credits,
    dashboard,
    demo_calls,
    media,
    otp,
    payments,
    previews,
    runs,
    survey_templates,
    surveys,
    tariffs,
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
    credits,
    payments,
    tariffs,
    media,
):
    router.include_router(part.router)
