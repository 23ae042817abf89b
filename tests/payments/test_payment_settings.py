"""Settings of payment: what they may be, and that every process reads them as they are."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ghanti.payments.providers import provider_of
from ghanti.serve import environment
from ghanti.settings import Settings
from stripe_shapes import KEY, SECRET, event, session, signed

GIVEN = {
    "GHANTI_STRIPE_SECRET_KEY": f" {KEY}\n",
    "GHANTI_STRIPE_WEBHOOK_SECRET": f"whsec_next, {SECRET},",
    "GHANTI_STRIPE_API_BASE": "http://127.0.0.1:9/",
    "GHANTI_PAYMENT_SUCCESS_URL": "https://ward.example.com/thanks?s={CHECKOUT_SESSION_ID}",
}


def test_roles_read_secrets_where_they_were_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role has the server's environment and over it what the server says; that must not mask a secret."""
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    ours = Settings()
    for name, value in environment(ours, "postgresql://nowhere").items():
        monkeypatch.setenv(name, value)
    theirs = Settings()
    assert theirs.stripe_secret_key == ours.stripe_secret_key
    assert theirs.stripe_webhook_secret == ours.stripe_webhook_secret
    assert theirs.payment_success_url == GIVEN["GHANTI_PAYMENT_SUCCESS_URL"]
    assert theirs.stripe_api_base == "http://127.0.0.1:9"


def test_a_list_of_secrets_is_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    provider = provider_of(Settings())
    assert provider is not None
    assert (provider.name, provider.live) == ("stripe", False)
    body = event("checkout.session.expired", session("00000000-0000-4000-8000-000000000000", None))
    for secret in ("whsec_next", SECRET):
        assert provider.event(body, signed(body, secret)) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stripe_api_base", "api.stripe.com"),
        ("payment_success_url", "/thanks"),
        ("payment_cancel_url", "javascript:alert(1)"),
    ],
)
def test_what_is_no_address_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match="must be like"):
        Settings(**{name: value})  # type: ignore[arg-type]
