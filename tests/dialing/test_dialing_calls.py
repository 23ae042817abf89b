"""Orders as a voice process gets them."""

from __future__ import annotations

from ghanti.dialing.calls import way_out
from ghanti.encryption import SecretBox
from ghanti.trunks.models import Trunk


def test_codecs_are_offered_in_the_trunks_order() -> None:
    trunk = Trunk(name="t", host="sip.example.com", port=5060, codecs=["PCMA", "PCMU", "PCMA"])
    assert way_out(trunk, SecretBox(b"k" * 32)).codecs == ["PCMA", "PCMU"]
