"""One good request to every operation of the API: what the tests of clients send in all forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from api_world import PASSWORD, Tenant
from audio_files import audio_file

Ids = dict[str, int]
Rows = Callable[[Tenant], Awaitable[Ids]]


async def fresh(tenant: Tenant) -> Ids:
    """A campaign that can be run, and a contact of it."""
    campaign = await tenant.create(voice=1)
    contact, _ = await tenant.add(campaign["id"], "9841000001", "9841000002")
    return {"campaign_id": campaign["id"], "contact_id": contact["id"]}


async def survey(tenant: Tenant) -> Ids:
    """A survey that can be run, a contact of it, and a template."""
    steps = [{"content_type": "say", "text_or_url": "x", "response_type": "dtmf"}]
    campaign = await tenant.create(services="SURVEY", steps=steps, voice=1)
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    template = await tenant.http.post("survey-templates/", json=_TEMPLATE)
    return {
        "campaign_id": campaign["id"],
        "contact_id": contact["id"],
        "survey_id": campaign["survey"]["id"],
        "template_id": template.json()["id"],
    }


async def ordered(tenant: Tenant) -> Ids:
    return {"payment_id": await tenant.payment()}


async def running(tenant: Tenant) -> Ids:
    ids = await fresh(tenant)
    assert (await tenant.run(ids["campaign_id"])).status_code == 200
    return ids


@dataclass(frozen=True, slots=True)
class Call:
    """A request that succeeds.

    Args:
        body: Fields to send; a string ``{campaign_id}`` in it is such an id. None: it needs no body.
        file: Name and content of a file to send in the field ``bulk_file`` or another.
        status: Of the answer.
        rows: Makes what it is about.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    file: tuple[str, str, bytes] | None = None
    status: int = 200
    rows: Rows = field(default=fresh)

    @property
    def told(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, ids: Ids) -> str:
        return self.path.format(**ids)

    def fields(self, tenant: Tenant, ids: Ids) -> dict[str, Any]:
        names = ids | {"email": tenant.email, "password": PASSWORD}
        return {name: _filled(value, names) for name, value in (self.body or {}).items()}


def _filled(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return names[value[1:-1]]
    return value


_CREATE = {"name": "tax", "services": "PHONE", "user_phone": [], "message": "नमस्ते ", "voice": 3}
_MESSAGE = {"voice": 3, "category": "Text", "length_factor": 1.2, "draft": False}
_UPDATE = {"name": "renamed", "credit_limit": 5, "voice": 4, "failover_target": ["failed", "hungup"]}
_STEPS = [{"content_type": "say", "text_or_url": "एक थिच्नुहोस्", "response_type": "dtmf"}]
_TEMPLATE = {"name": "t", "voice": {"voice_internal_name": "np_rija"}, "content": [{"order": 0, **_STEPS[0]}]}
_OTP = {
    "number": "9861489014",
    "message": "Hi your OTP is {otp}",
    "sms_send_options": "text",
    "otp_options": "personnel",
    "otp": "564546",
}
_SOUND = audio_file("wav-s16", 0.3)
_AUDIO_FILE = ("audio_file", "message.wav", _SOUND)
_STEP_FILE = ("0", "step.wav", _SOUND)
_CONTACTS_FILE = ("bulk_file", "contacts.csv", b"number,name\n9841000003,a\n")

CALLS = [
    Call("POST", "auths/login/", {"email": "{email}", "password": "{password}"}),
    Call("POST", "auths/generate-api-keys/"),
    Call("GET", "auths/get-api-keys/"),
    Call("GET", "auths/user-profile/"),
    Call("POST", "auths/send/otp/", _OTP),
    Call("POST", "auths/send/otp/", _OTP | {"sms_send_options": "voice", "voice_input": "np_rija"}),
    Call("GET", "auths/list/send-otps/"),
    Call("GET", "dashboard/"),
    Call("GET", "credits/tariffs/"),
    Call("GET", "credits/balance/"),
    Call("GET", "credits/statement/"),
    Call("GET", "credits/events/"),
    Call("PATCH", "credits/alerts/", {"phone": 20, "sms": 0}),
    Call("GET", "credits/packages/"),
    Call("POST", "credits/checkout/", {"payment": "{payment_id}"}, status=201, rows=ordered),
    Call("GET", "credits/payments/"),
    Call("GET", "credits/payments/{payment_id}/", rows=ordered),
    Call("GET", "voice-models/"),
    Call("GET", "active-broker-phone/"),
    Call("GET", "phone-number/active/"),
    Call("GET", "campaign/"),
    Call("GET", "campaign/{campaign_id}/"),
    Call("POST", "campaign/create/", _CREATE, status=201),
    *(
        Call(method, "campaign/create/{campaign_id}/message/", _MESSAGE)
        for method in ("PATCH", "PUT", "POST")
    ),
    *(
        Call(method, "campaign/create/{campaign_id}/detail/", file=_CONTACTS_FILE)
        for method in ("PATCH", "PUT", "POST")
    ),
    *(Call(method, "campaign/{campaign_id}/", _UPDATE) for method in ("PATCH", "PUT", "POST")),
    Call("DELETE", "campaign/{campaign_id}/"),
    Call("POST", "campaign/create/", _CREATE | {"category": "Audio"}, _AUDIO_FILE, status=201),
    Call("PATCH", "campaign/create/{campaign_id}/message/", _MESSAGE | {"category": "Audio"}, _AUDIO_FILE),
    Call("PATCH", "campaign/{campaign_id}/", {"category": "Audio"}, _AUDIO_FILE),
    Call("POST", "campaign/create/{campaign_id}/survey/", {"steps": _STEPS}, _STEP_FILE, rows=survey),
    Call(
        "POST",
        "campaign/{campaign_id}/add-contact/",
        {"number": 9841000009, "other_variables": {"age": 23}},
        status=201,
    ),
    Call("GET", "campaign-detail/{campaign_id}/"),
    Call("GET", "campaign/{contact_id}/attributes/"),
    Call("PATCH", "campaign/{contact_id}/attributes/", {"name": "राम "}),
    Call("PATCH", "phone-number/update/{contact_id}/", {"number": 9841000008}),
    Call("DELETE", "phone-number/delete/{contact_id}/"),
    Call("GET", "phone-number/delete/{contact_id}/"),
    Call("POST", "demo-call/{contact_id}/"),
    Call("GET", "demo-call/{contact_id}/"),
    Call("POST", "test-speak/riri/{campaign_id}/", {"voice_input": 5, "message": "yo test voice"}),
    Call("POST", "run-campaign/{campaign_id}/"),
    Call("POST", "campaign/emergency-stop/{campaign_id}/", rows=running),
    Call("GET", "campaign/create/{campaign_id}/survey/", rows=survey),
    *(
        Call(method, "campaign/create/{campaign_id}/survey/", {"steps": _STEPS}, rows=survey)
        for method in ("POST", "PUT", "PATCH")
    ),
    Call("POST", "run-survey/{campaign_id}/", rows=survey),
    Call("POST", "test-survey/{contact_id}/", rows=survey),
    Call("GET", "download/survey/{survey_id}/report/", rows=survey),
    Call("GET", "survey-templates/"),
    Call("POST", "survey-templates/", _TEMPLATE, status=201),
    Call("GET", "survey-templates/{template_id}/", rows=survey),
    *(
        Call(method, "survey-templates/{template_id}/", {"name": "other", "length_factor": 1.2}, rows=survey)
        for method in ("PATCH", "PUT", "POST")
    ),
    Call("DELETE", "survey-templates/{template_id}/", status=204, rows=survey),
    Call(
        "POST",
        "survey-templates/{template_id}/apply-to-campaign/",
        {"campaign_id": "{campaign_id}"},
        status=201,
        rows=survey,
    ),
    Call("GET", "download/{campaign_id}/report/"),
    Call("GET", "download/report/{campaign_id}/"),
    Call("POST", "download/report/{campaign_id}/"),
]

BARE = [call for call in CALLS if call.body is None and call.file is None]
WITH_BODY = [call for call in CALLS if call.body is not None and call.file is None]
WITH_FILE = [call for call in CALLS if call.file is not None]
