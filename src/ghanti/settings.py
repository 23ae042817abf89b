"""Settings, read from the environment as ``GHANTI_…`` (see docs/settings.md).

Everything that differs between two installations is here; everything that differs between
two accounts or two trunks is a row in the database.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ghanti.carrier import Carrier
from ghanti.networks import networks

__all__ = ["Carrier", "ForwardedHeader", "Settings", "get_settings"]


def _listed(text: str) -> str:
    networks(text)
    return text


Networks = Annotated[str, AfterValidator(_listed)]
"""A list of networks with commas (``ghanti.networks``)."""


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be like https://ghanti.example.com")
    return text.rstrip("/")


def _page_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be like https://example.com/thank-you")
    return text


def _origins(text: str) -> str:
    for origin in text.split(",") if text else ():
        if origin.strip() != "*" and not _ORIGIN.fullmatch(origin.strip()):
            raise ValueError("must be * or a list, with commas, of origins like https://www.example.com")
    return text


_ORIGIN = re.compile(r"https?://[^/?#\s]+")
Origins = Annotated[str, AfterValidator(_origins)]
"""``*``, or a list of origins (scheme, host and port) with commas, which may be empty."""


class ForwardedHeader(StrEnum):
    """What a proxy writes of whom it forwards for."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


PublicUrl = Annotated[str, AfterValidator(_public_url)]
PageUrl = Annotated[str, AfterValidator(_page_url)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GHANTI_", extra="ignore")

    data: Path = Field(Path("data"), description="Folder of the database, media, secrets and sockets.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 lets the kernel choose.")
    public_url: PublicUrl | None = Field(None, description="Scheme and host of absolute URLs in answers.")
    tls_cert: Path | None = Field(None, description="Certificate and chain (PEM): the API serves https.")
    tls_key: Path | None = Field(None, description="Its private key, unless it is in the same file.")
    cors_origins: Origins = Field("*", description="Sites whose pages may use the Toingg API.")
    trusted_proxies: Networks = Field("", description="Networks whose forwarded headers are believed.")
    forwarded_header: ForwardedHeader = Field(
        ForwardedHeader.X_FORWARDED,
        description="Which header the trusted proxies write; the other is ignored.",
    )
    carrier: Carrier = Carrier.SIMULATED

    database_url: SecretStr | None = Field(None, description="The owner's PostgreSQL; embedded when absent.")
    database_direct_url: SecretStr | None = Field(
        None, description="Past a transaction pooler, for migrations and LISTEN; database_url when absent."
    )
    secret_key: SecretStr | None = Field(
        None, description="Key of encrypted columns; a file in data when absent."
    )

    api_requests_per_minute: int = Field(120_000, gt=0, description="Requests of one user, each API process.")
    page_limit: int = Field(100, ge=10, description="Rows of a page, whatever is asked for.")
    api_failures_per_minute: int = Field(
        600, gt=0, description="Unknown credentials from one address, each API process."
    )
    credential_memory_seconds: float = Field(
        1, ge=0, le=60, description="How long a credential that was good is taken as good."
    )

    home_country: str = Field(
        "NP", min_length=2, max_length=2, description="Region of numbers without prefix."
    )
    time_zone: str = "Asia/Kathmandu"

    sip_address: str = Field("127.0.0.1", description="Local address of SIP and RTP.")
    sip_port: int = Field(0, description="Local SIP port; 0 lets the kernel choose.")
    calls_per_process: int = Field(250, ge=1, le=300, description="Calls one voice process carries at most.")
    ring_seconds: int = Field(30, ge=5, le=120, description="How long a phone rings before CANCEL.")

    tick_seconds: float = Field(0.05, gt=0, le=1, description="Interval of the dispatch tick.")
    lease_seconds: float = Field(10, gt=0, description="Time between leasing a target and sending it.")
    takeover_seconds: float = Field(
        5, gt=1, description="Silence after which a worker's attempts are unknown."
    )
    longest_call_seconds: int = Field(600, gt=0, description="No call lasts longer.")

    demo_calls_at_once: int = Field(3, ge=1, description="Demo calls of one account under way at a time.")

    pulse_seconds: int = Field(60, gt=0, description="Of the first tariff: later ones are data.")
    credits_per_pulse: int = Field(1, ge=0)
    credits_per_segment: int = Field(1, ge=0)
    low_balance_percent: int = Field(
        10, ge=0, le=100, description="Of what there was after a purchase: at it a balance is low."
    )
    stripe_secret_key: SecretStr | None = Field(
        None, description="Key of Stripe's API; without, no checkout."
    )
    stripe_webhook_secret: SecretStr | None = Field(
        None, description="Signing secrets of Stripe's web hooks, with commas while they are rotated."
    )
    stripe_api_base: PublicUrl = Field("https://api.stripe.com", description="Where Stripe's API is.")
    payment_success_url: PageUrl | None = Field(None, description="Page for people who have paid.")
    payment_cancel_url: PageUrl | None = Field(None, description="Page for people who went back.")
    drain_seconds: float = Field(10, ge=0, description="How long calls in flight may go on at a shutdown.")
    horizon_seconds: int = Field(900, gt=0, description="How far ahead of the pace audio is rendered.")
    audio_keep_seconds: int = Field(3600, ge=0, description="How long personal audio outlives its call.")

    transcribe: bool = Field(False, description="Record what callees say, and write drafts of it.")
    transcribe_models: Path | None = Field(None, description="Folder of models for more languages.")
    recording_days: int = Field(30, gt=0, description="How long recordings and drafts of calls are kept.")

    otp_expiry_seconds: int = Field(300, gt=0, description="An OTP that could not leave by then never does.")
    otp_keep_days: int = Field(30, gt=0, description="How long codes and their texts are kept.")
    otp_gap_seconds: int = Field(20, ge=0, description="Least time between two OTPs to one number.")
    otp_number_limit: int = Field(5, ge=0, description="OTPs to one number in ten minutes.")
    otp_prefix_limit: int = Field(20, ge=0, description="The same to numbers alike but for four digits.")
    otp_minute_limit: int = Field(60, ge=0, description="OTPs of one account in a minute.")
    otp_day_limit: int = Field(5000, ge=0, description="OTPs of one account in 24 hours.")

    import_seconds: float = Field(120, gt=0, description="Time limit of reading one uploaded file.")
    import_megabytes: int = Field(1024, gt=0, description="Memory limit of reading one uploaded file.")
    upload_megabytes: int = Field(64, gt=0, description="Largest uploaded file.")
    audio_seconds: int = Field(600, gt=0, description="Longest uploaded audio.")
    preview_megabytes: int = Field(1024, ge=64, description="Disk that previews take at most.")
    fetch_networks: Networks = Field("", description="Networks fetched from besides the public internet.")
    downloads_at_once: int = Field(4, ge=1, le=8, description="Reports that an API process sends at a time.")
    download_seconds: float = Field(900, gt=0, description="Time limit of downloading one report.")

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        if self.database_direct_url is not None and self.database_url is None:
            raise ValueError("database_direct_url is the way past a pooler to database_url, which is not set")
        return self

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Self:
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key is the key of tls_cert, which is not set")
        return self

    @property
    def media_folder(self) -> Path:
        return self.data / "media"

    @property
    def run_folder(self) -> Path:
        """Sockets and pid files."""
        return self.data / "run"


@lru_cache
def get_settings() -> Settings:
    return Settings()
