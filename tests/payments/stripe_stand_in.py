"""A stand-in for Stripe, run as a process of its own: ``python stripe_stand_in.py`` prints its port.

It is localstripe (a project of others, GPL), of which nothing is copied and which nothing in ``src`` imports.
Its own are: the server, its authentication, payment methods, payment intents, charges and whether they are
declined, refunds, events, and web hooks with their signatures and their sending.

It knows no Checkout, so that is added here on top: checkout sessions (create with its idempotency key,
retrieve with its intent and charge expanded, expire), their four events, ``charge.refunded`` and
``refund.created``, which it does not send, and disputes. ``POST /_config/pay/{session}`` is what a person
does on the page to pay on. Where this differs from Stripe, tests by payloads in Stripe's documented shape
stand beside (``test_stripe_events.py``).
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

from aiohttp import web
from localstripe import resources
from localstripe.errors import UserError
from localstripe.resources import Charge, Event, PaymentIntent, PaymentMethod, Refund, StripeObject
from localstripe.webhooks import schedule_webhook

_CARDS = {"paid": "4242424242424242", "declined": "4000000000000341"}
_ACCOUNTS = {"later": "DE89370400440532013000", "later declined": "DE62370400440532013001"}
_DAY = 24 * 3600


class CheckoutSession(StripeObject):
    object = "checkout.session"
    _id_prefix = "cs_test_"

    def __init__(self, **order: Any) -> None:
        try:
            (line,) = order["line_items"]
            price = line["price_data"]
            amount, currency = int(price["unit_amount"]) * int(line["quantity"]), price["currency"]
            assert order["mode"] == "payment"
            assert price["product_data"]["name"]
            assert order["success_url"].startswith("http")
            assert order["cancel_url"].startswith("http")
            assert amount > 0
        except (KeyError, ValueError, TypeError, AssertionError) as error:
            raise UserError(400, f"Bad request: {error!r}") from None
        super().__init__()
        self.mode = "payment"
        self.amount_total = amount
        self.currency = currency
        self.client_reference_id = order.get("client_reference_id")
        self.metadata = order.get("metadata") or {}
        self.success_url = order["success_url"]
        self.cancel_url = order["cancel_url"]
        self.expires_at = self.created + _DAY
        self.payment_intent = None
        self.payment_status = "unpaid"
        self.status = "open"
        self.url = f"https://checkout.example.com/c/pay/{self.id}"
        self._intent_metadata = (order.get("payment_intent_data") or {}).get("metadata") or {}

    def _tell(self, kind: str) -> None:
        schedule_webhook(Event(f"checkout.session.{kind}", self))

    def _pay(self, how: str) -> None:
        if self.status != "open":
            raise UserError(400, "This checkout is over.")
        if how in _CARDS:
            card = {"number": _CARDS[how], "exp_month": 12, "exp_year": 2030, "cvc": "123"}
            method = PaymentMethod(type="card", card=card)
        else:
            method = PaymentMethod(type="sepa_debit", sepa_debit={"iban": _ACCOUNTS[how]})
        intent = PaymentIntent(
            amount=self.amount_total,
            currency=self.currency,
            payment_method=method.id,
            metadata=self._intent_metadata,
        )
        intent._on_success = self._money_came
        intent._report_async_failure = lambda: self._tell("async_payment_failed")
        if how in _ACCOUNTS:
            self._complete(intent.id)
        intent._confirm(on_failure_now=intent._report_failure)
        if how not in _ACCOUNTS:
            self._complete(intent.id)

    def _complete(self, intent_id: str) -> None:
        self.payment_intent = intent_id
        self.status = "complete"
        self._tell("completed")

    def _money_came(self) -> None:
        self.payment_status = "paid"
        if self.status == "complete":
            self._tell("async_payment_succeeded")

    @classmethod
    def _api_expire(cls, id: str) -> CheckoutSession:  # noqa: A002 - the server's own name for it
        session: CheckoutSession = cls._api_retrieve(id)
        if session.status != "open":
            raise UserError(400, "This checkout is over.")
        session.status = "expired"
        session._tell("expired")
        return session


class Dispute(StripeObject):
    object = "dispute"
    _id_prefix = "dp_"

    def __init__(self, charge: str) -> None:
        of = Charge._api_retrieve(charge)
        super().__init__()
        self.charge = charge
        self.payment_intent = of.payment_intent
        self.amount = of.amount
        self.currency = of.currency
        self.status = "needs_response"
        schedule_webhook(Event("charge.dispute.created", self))

    def _close(self, status: str) -> None:
        self.status = status
        schedule_webhook(Event("charge.dispute.closed", self))


class Launcher:
    """The server with what is added to it."""

    def __init__(self) -> None:
        # By itself it writes everything to one file of the machine at each change.
        type(resources.store).dump_to_disk = lambda _store: None
        resources.extra_apis.append(
            ("POST", "/v1/checkout/sessions/{id}/expire", CheckoutSession._api_expire)
        )
        from localstripe import server

        self._server = server
        self._made: dict[str, CheckoutSession] = {}
        self.asked = 0
        self.out = False
        routes = server.app.router
        routes.add_post("/v1/checkout/sessions", self._create)
        routes.add_get("/v1/checkout/sessions/{id}", self._retrieve)
        routes.add_post("/_config/pay/{id}", self._pay)
        routes.add_post("/_config/refund/{id}", self._refund)
        routes.add_post("/_config/dispute/{id}", self._dispute)
        routes.add_post("/_config/close/{id}", self._close)
        routes.add_post("/_config/out", self._set_out)
        routes.add_get("/_config/events", self._events)

    def run(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
        sys.stdout.flush()
        web.run_app(self._server.app, sock=listener, print=None, access_log=None)

    async def _create(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.out:
            raise UserError(500, "We are out.")
        key = request.headers["Idempotency-Key"]
        if key not in self._made:
            self._made[key] = CheckoutSession(**await self._server.get_post_data(request))
        return self._answer(self._made[key])

    async def _retrieve(self, request: web.Request) -> web.Response:
        if self.out:
            raise UserError(500, "We are out.")
        session = CheckoutSession._api_retrieve(request.match_info["id"])
        shown = session._export()
        if session.payment_intent:
            shown["payment_intent"] = PaymentIntent._api_retrieve(session.payment_intent)._export()
        return self._server.json_response(shown)

    async def _pay(self, request: web.Request) -> web.Response:
        session = CheckoutSession._api_retrieve(request.match_info["id"])
        session._pay((await request.json())["how"])
        return self._answer(session)

    async def _refund(self, request: web.Request) -> web.Response:
        """A refund by the operator, of the checkout's payment."""
        session = CheckoutSession._api_retrieve(request.match_info["id"])
        refund = Refund(payment_intent=session.payment_intent, amount=(await request.json())["amount"])
        refund.payment_intent = session.payment_intent
        schedule_webhook(Event("charge.refunded", Charge._api_retrieve(refund.charge)))
        schedule_webhook(Event("refund.created", refund))
        return self._answer(refund)

    async def _dispute(self, request: web.Request) -> web.Response:
        session = CheckoutSession._api_retrieve(request.match_info["id"])
        intent = PaymentIntent._api_retrieve(session.payment_intent)
        return self._answer(Dispute(intent.latest_charge.id))

    async def _close(self, request: web.Request) -> web.Response:
        dispute = Dispute._api_retrieve(request.match_info["id"])
        dispute._close((await request.json())["status"])
        return self._answer(dispute)

    async def _set_out(self, request: web.Request) -> web.Response:
        self.out = bool((await request.json())["out"])
        return web.Response()

    async def _events(self, _request: web.Request) -> web.Response:
        """All events as they were sent, to be sent again, and how often a checkout was asked for."""
        events = [event._export() for key, event in resources.store.items() if key.startswith("event:")]
        return self._server.json_response({"events": events, "asked": self.asked, "now": time.time()})

    def _answer(self, thing: StripeObject) -> web.Response:
        return self._server.json_response(thing._export())


if __name__ == "__main__":
    Launcher().run()
