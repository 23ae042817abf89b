"""Every model, imported so that the metadata is whole: for migrations and for tests that walk it."""

from ghanti.accounts import models as accounts
from ghanti.campaigns import models as campaigns
from ghanti.contacts import models as contacts
from ghanti.credits import models as credit
from ghanti.credits import tariff_models as tariffs
from ghanti.database.base import metadata
from ghanti.dialing import models as dialing
from ghanti.dialing import receipt_models as receipts
from ghanti.dialing import recorded
from ghanti.idempotency import models as idempotency
from ghanti.otp import models as otp
from ghanti.payments import models as payments
from ghanti.speech import models as speech
from ghanti.surveys import models as surveys
from ghanti.toingg import models as toingg
from ghanti.transcripts import models as transcripts
from ghanti.trunks import models as trunks
from ghanti.webhooks import models as webhooks

__all__ = [
    "accounts",
    "campaigns",
    "contacts",
    "credit",
    "dialing",
    "idempotency",
    "metadata",
    "otp",
    "payments",
    "receipts",
    "recorded",
    "speech",
    "surveys",
    "tariffs",
    "toingg",
    "transcripts",
    "trunks",
    "webhooks",
]
