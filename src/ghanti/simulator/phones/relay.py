"""Passes SIP messages between callers and the SIP stack of the phones, keeping no state.

A stateless proxy (RFC 3261 section 16.11) that stays on the route (section 16.6, step 4): callers see one
port, and the phones' own requests, such as the BYE of a phone that hangs up, leave from it too.
"""

from __future__ import annotations

import hashlib

from ghanti.simulator.phones.message import Address, Message, uri_address, via_address

_MARK = "z9hG4bK-phones-"


class Relay:
    """Rewrites messages on their way through.

    Args:
        address: the port callers send to.
        stack: the port of the SIP stack behind it.
    """

    def __init__(self, address: Address, stack: Address) -> None:
        self._address, self._stack = address, stack
        host, port = address
        self._route = f"<sip:{host}:{port};lr>"
        self._via = f"SIP/2.0/UDP {host}:{port}"

    def inward(self, message: Message) -> Address | None:
        """Prepare a caller's request for the stack; its topmost Via is stamped already."""
        if message.method == "INVITE" and not message.in_dialog:
            message.push("record-route", self._route)
        return self._stack if self._forward(message) else None

    def outward(self, message: Message) -> Address | None:
        """Prepare a request of the stack for the caller."""
        if not self._forward(message):
            return None
        return uri_address(message.get("route") or message.uri)

    def back(self, message: Message) -> Address | None:
        """Prepare a response for whoever sent its request; None when the request did not pass here."""
        via = message.pop("via") or ""
        if not via.startswith(self._via) or _MARK not in via or not message.get("via"):
            return None
        return via_address(message)

    def _forward(self, message: Message) -> bool:
        """Common to both directions (RFC 3261 sections 16.4 and 16.6); False at the last hop allowed."""
        if uri_address(message.get("route")) == self._address:
            message.pop("route")
        hops = message.get("max-forwards") or "70"
        if not hops.isdigit() or int(hops) == 0:
            return False
        message.pop("max-forwards")
        message.push("max-forwards", str(int(hops) - 1))
        # CANCEL and a refusal's ACK belong to the INVITE's transaction: equal Vias must give equal branches.
        branch = hashlib.sha256(message.get("via").encode("utf-8", "surrogateescape")).hexdigest()[:20]
        message.push("via", f"{self._via};branch={_MARK}{branch}")
        return True
