"""TingTing's objects, key by key in the order its documents print them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ghanti.accounts.models import ApiToken, User
from ghanti.campaigns.models import Campaign, Category
from ghanti.campaigns.schemas import CampaignView
from ghanti.campaigns.statuses import NOT_STARTED
from ghanti.contacts.models import Contact
from ghanti.contacts.results import ImportResult, NewContact
from ghanti.credits.repository import Balances
from ghanti.speech.models import Voice
from ghanti.trunks.models import CallerNumber


def moment(value: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 in the account's zone, always with microseconds."""
    return value.astimezone(zone).isoformat(timespec="microseconds")


def utc_moment(value: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z, as token times are printed."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def voice(row: Voice) -> dict[str, Any]:
    return {
        "id": row.id,
        "voice_display_name": row.display_name,
        "voice_internal_name": row.internal_name,
        "is_premium": row.is_premium,
    }


def phone(row: CallerNumber) -> dict[str, Any]:
    return {"id": row.id, "phone_number": row.number}


def campaign(
    view: CampaignView,
    zone: ZoneInfo,
    audio_file: str | None,
    bulk_file: str | None,
    *,
    voice_object: bool = False,
    category_unset: bool = False,
) -> dict[str, Any]:
    """A campaign; its voice is an object in the list and an id elsewhere.

    A category that a create did not set is null in its answer and ``Text`` from then on.
    """
    row = view.campaign
    chosen: Any = row.voice_id
    if voice_object:
        chosen = voice(view.voice) if view.voice is not None else None
    return {
        "id": row.id,
        "name": row.name,
        "services": row.services,
        "status": row.status,
        "sms_message": row.sms_message,
        "message": row.message,
        "description": row.description,
        "schedule": row.schedule.astimezone(zone).isoformat() if row.schedule else None,
        "audio_file": audio_file,
        "bulk_file": bulk_file,
        "category": None if category_unset else row.category or Category.TEXT,
        "user_phone": row.user_phone,
        "campaign_action_count": view.contacts,
        "progress_percent": view.progress_percent,
        "updated_at": moment(row.updated_at, zone),
        "credit_limit": row.credit_limit,
        "voice": chosen,
        "draft": row.draft,
        "failover_target": row.failover_target,
        "length_factor": f"{row.length_factor:.2f}",
        "pace": None if row.pace is None else float(row.pace),
        "retries": row.retries,
        **({"status_reason": row.status_reason} if row.status_reason else {}),
        **({"paused_reason": view.paused_reason} if view.paused_reason else {}),
    }


def message_step(row: Campaign, audio_file: str | None) -> dict[str, Any]:
    return {
        "voice": row.voice_id,
        "sms_message": row.sms_message,
        "message": row.message,
        "category": row.category or Category.TEXT,
        "draft": row.draft,
        "length_factor": f"{row.length_factor:.2f}",
        "audio_file": audio_file,
    }


def contact_progress(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    """A contact as campaign-detail lists it, from a row of ``reports.repository.progress``."""
    return {
        "id": row.id,
        "number": row.number,
        "status": row.status,
        "updated_at": moment(row.updated_at, zone),
        "call_duration": f"{row.seconds}s",
        "playback": row.playback,
        "credit_consumed": row.credits_phone,
        "credit_consumed_SMS": row.credits_sms,
        "carrier": row.carrier,
        "sms_status": row.sms_status,
        "reason": row.reason,
        "failover_sms_sent": row.failover_sms_sent,
    }


def new_contact(row: NewContact, zone: ZoneInfo) -> dict[str, Any]:
    """The answer to a single add: its message, and the contact, which the vendor's own client reads."""
    return {
        "message": "New Contact added",
        "id": row.id,
        "number": row.number_sent,
        "status": NOT_STARTED,
        "updated_at": moment(row.updated_at, zone),
        "call_duration": "0s",
        "playback": "",
        "credit_consumed": 0,
        "credit_consumed_SMS": 0,
        "carrier": row.carrier,
        "attributes": row.variables,
        "other_variables": row.variables,
    }


def added_contact(row: Contact, zone: ZoneInfo) -> dict[str, Any]:
    """An item of a bulk add; ``campaing`` is how the API spells it."""
    updated = row.updated_at.astimezone(zone)
    return {
        "number": row.number_sent,
        "id": row.id,
        "updated_at": f"{updated:%b}. {updated.day}, {updated:%Y, %I:%M %p}",
        "created_at": moment(row.created_at, zone),
        "deleted_at": None,
        "status": NOT_STARTED,
        "other_variables": row.variables,
        "credit_consumed": 0,
        "credit_consumed_SMS": 0,
        "duration": "",
        "playback": "",
        "uuid": str(row.uuid),
        "failover_sms_sent": False,
        "campaing": row.campaign_id,
        "carrier": row.carrier,
    }


def imported(result: ImportResult) -> dict[str, Any]:
    return {
        "error_list": result.error_list,
        "samples": result.samples,
        "total_validated_rows": result.total_validated_rows,
        "created": result.created,
        "skipped": result.skipped,
        "error_count": result.error_count,
    }


def remaining(balances: Balances) -> dict[str, int]:
    return {"remaining_sms_credits": balances.sms, "remaining_phone_credits": balances.phone}


def api_token(row: ApiToken) -> dict[str, Any]:
    return {
        "token": row.masked,
        "last_used": utc_moment(row.last_used_at) if row.last_used_at else None,
        "created_at": utc_moment(row.created_at),
    }


def profile(row: User) -> dict[str, Any]:
    return {
        "id": row.id,
        "user": {
            "first_name": row.first_name,
            "last_name": row.last_name,
            "username": row.username,
            "email": row.email,
        },
        "profile_picture": "",
        "contact_no": row.contact_no,
        "address": row.address,
        "is_verified_contact": row.is_verified_contact,
    }
