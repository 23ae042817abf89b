"""A campaign to be struck by kills, and the books that must balance after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg

from serving import Served, wait_until

LISTENING = tuple(range(10, 60))
ODD = (90, 91, 92, 93, 95, 96)
"""Busy, never answers, rejects, hangs up, does not exist, is switched off (docs/simulator.md)."""

MESSAGE = "नमस्ते {name} जी, तपाईंको यस महिनाको खानेपानी महसुल बाँकी छ। कृपया समयमै तिर्नुहोला।"
SMS_MESSAGE = "{name} जी, महसुल बाँकी छ।"

_LIVE_CALLS, _WAITING_CALLS = 3, 10
"""A campaign is struck while so many phones listen at least, and so many others wait for their call."""

_FINAL = {"completed", "hungup", "unanswered", "failed", "terminated"}


@dataclass(frozen=True)
class Call:
    """One call as the phones saw it; moments in Unix time, ``ended_at`` None while it goes on."""

    number: str
    call_id: str
    began_at: float
    ended_at: float | None
    answered: bool
    hungup_by: str | None

    def was_live(self, moment: float) -> bool:
        return self.began_at < moment and (self.ended_at is None or self.ended_at > moment)


class ChaosCampaign:
    """An "SMS & PHONE" campaign over HTTP, with numbers that no other campaign of the server has."""

    def __init__(self, served: Served, message: str = MESSAGE, endings: tuple[int, ...] = LISTENING + ODD):
        self._served = served
        self._http = served.client()
        made = self._ask(
            "POST",
            "campaign/create/",
            json={
                "name": "chaos",
                "services": "SMS & PHONE",
                "user_phone": [served.number_id],
                "message": message,
                "sms_message": SMS_MESSAGE,
            },
        )
        self.id: int = made["id"]
        voice = self._ask("GET", "voice-models/")[0]["id"]
        self._ask("PATCH", f"campaign/create/{self.id}/message/", json={"voice": voice, "category": "Text"})
        self.numbers = [f"9841{self.id:04d}{ending:02d}" for ending in endings]
        contacts = [
            {"number": number, "other_variables": {"name": f"सीता {number[-2:]}"}} for number in self.numbers
        ]
        added = self._ask("POST", f"campaign/{self.id}/add-contact/", json={"contacts": contacts})
        assert added["created"] == len(self.numbers)

    def close(self) -> None:
        self._http.close()

    def run(self) -> None:
        self._ask("POST", f"run-campaign/{self.id}/")

    def stop(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("POST", f"campaign/emergency-stop/{self.id}/")
        return answer

    def campaign(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("GET", f"campaign/{self.id}/")
        return answer

    def contacts(self) -> list[dict[str, Any]]:
        page: dict[str, Any] = self._ask("GET", f"campaign-detail/{self.id}/?limit=100")
        assert page["next"] is None
        contacts: list[dict[str, Any]] = page["results"]
        return contacts

    def calls(self) -> list[Call]:
        """Its calls, as the phones saw them."""
        mine = [line for line in self._served.phone_log() if line["number"][-10:] in self.numbers]
        ends = {line["call_id"]: line for line in mine if line["event"] == "end"}
        calls = []
        for line in mine:
            if line["event"] == "invite":
                end = ends.get(line["call_id"], {})
                calls.append(
                    Call(
                        line["number"][-10:],
                        line["call_id"],
                        line["at"],
                        end.get("at"),
                        end.get("answered", False),
                        end.get("hungup_by"),
                    )
                )
        return calls

    def texts(self) -> list[dict[str, Any]]:
        return [text for text in self._served.texts() if text["to"][-10:] in self.numbers]

    # Waiting

    def wait_for_live_calls(self) -> None:
        """Until enough phones listen to be struck, while enough others still wait for their call."""
        with self._served.connect() as database:

            def struck() -> bool:
                states = Counter(self._states(database, "call"))
                if states and states["waiting"] < _WAITING_CALLS:
                    raise AssertionError("the campaign went on too far to be struck")
                return states["answered"] >= _LIVE_CALLS

            wait_until(struck, "phones listen while others wait")

    def wait_for_texts(self) -> None:
        """Until some texts have arrived, while others still wait for theirs."""
        wait_until(lambda: self.texts(), "a text arrives")
        assert len(self.texts()) < len(self.numbers), "every text had arrived before"

    def wait_final(self, status: str = "Completed") -> None:
        wait_until(lambda: self._is_over(status), f"the campaign is {status}")

    def _is_over(self, status: str) -> bool:
        return bool(self.campaign()["status"] == status and {c["status"] for c in self.contacts()} <= _FINAL)

    def _states(self, database: psycopg.Connection[Any], *channels: str) -> list[str]:
        rows = database.execute(
            """
            SELECT CASE t.state WHEN 'active' THEN a.state ELSE t.state END FROM targets t
              JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
              LEFT JOIN attempts a ON a.account_id = t.account_id AND a.id = t.attempt_id
             WHERE p.owner_kind = 'campaign' AND p.owner_id = %s AND t.channel = ANY(%s)
            """,
            [self.id, list(channels or ("call", "sms"))],
        )
        return [state for (state,) in rows]

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._http.request(method, path, **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    # The books

    def check_books(self) -> Counter[tuple[str, str]]:
        """At most once, all final, and every sum right; answers targets by (channel, outcome)."""
        self._check_phones()
        with self._served.connect() as database:
            outcomes = self._check_targets(database)
            self._check_credits(database)
            self._check_figures(database, outcomes)
        return outcomes

    def reasons(self, outcome: str) -> list[tuple[str, ...]]:
        """Channel, number, reason and moments of its attempts that ended so, as the database has them."""
        with self._served.connect() as database:
            rows = database.execute(
                """
                SELECT a.channel, right(a.number, 10), a.reason, a.leased_at::text, a.sent_at::text,
                       a.ended_at::text FROM attempts a
                  JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id
                 WHERE p.owner_kind = 'campaign' AND p.owner_id = %s AND a.outcome = %s
                """,
                [self.id, outcome],
            ).fetchall()
        return [tuple(row) for row in rows]

    def _check_phones(self) -> None:
        called = Counter(call.number for call in self.calls())
        assert not [number for number, times in called.items() if times > 1], "called twice"
        texted = Counter(text["to"] for text in self.texts())
        assert not [number for number, times in texted.items() if times > 1], "texted twice"
        assert {contact["number"][-10:] for contact in self.contacts()} == set(self.numbers)

    def _plans(self, database: psycopg.Connection[Any]) -> list[str]:
        rows = database.execute(
            "SELECT state FROM plans WHERE owner_kind = 'campaign' AND owner_id = %s", [self.id]
        )
        return [state for (state,) in rows]

    def _check_targets(self, database: psycopg.Connection[Any]) -> Counter[tuple[str, str]]:
        assert set(self._states(database)) == {"final"}
        [live] = database.execute("SELECT count(*) FROM attempts WHERE state <> 'ended'").fetchone() or []
        assert live == 0
        # A stopped plan is finished by the sweep that comes after its last call.
        wait_until(lambda: self._plans(database) == ["finished"], "the plan is finished")
        rows = database.execute(
            """
            SELECT t.channel, t.outcome, right(t.number, 10) FROM targets t
              JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
             WHERE p.owner_kind = 'campaign' AND p.owner_id = %s
            """,
            [self.id],
        ).fetchall()
        assert len(rows) == 2 * len(self.numbers)
        rang = {call.number for call in self.calls()}
        arrived = {text["to"][-10:] for text in self.texts()}
        for channel, outcome, number in rows:
            if outcome == "completed":
                assert number in (rang if channel == "call" else arrived), f"{channel} to {number} never came"
        return Counter((channel, outcome) for channel, outcome, _ in rows)

    def _check_credits(self, database: psycopg.Connection[Any]) -> None:
        """Of the whole account, so that nothing of an earlier campaign may be left either."""
        account = {"account": self._served.account_id}
        for column, channel in (("phone", "call"), ("sms", "sms")):
            row = database.execute(
                f"""
                SELECT (SELECT {column} FROM credit_balances WHERE account_id = %(account)s),
                       (SELECT sum(amount) FROM ledger_entries
                         WHERE account_id = %(account)s AND currency = '{column}'),
                       (SELECT sum(amount) FROM ledger_entries
                         WHERE account_id = %(account)s AND currency = '{column}' AND kind = 'purchase'),
                       (SELECT coalesce(sum(charged), 0) FROM attempts
                         WHERE account_id = %(account)s AND channel = '{channel}'),
                       (SELECT coalesce(sum(credits), 0) FROM targets
                         WHERE account_id = %(account)s AND channel = '{channel}')
                """,  # type: ignore[arg-type]
                account,
            ).fetchone()
            assert row is not None
            balance, ledger, purchased, charged, shown = row
            assert balance == ledger == purchased - charged, (column, row)
            assert charged == shown, (column, row)

    def _check_figures(self, database: psycopg.Connection[Any], outcomes: Counter[tuple[str, str]]) -> None:
        """What is summed from deltas equals a full count."""
        rows = database.execute(
            """
            SELECT f.channel, f.outcome, sum(f.targets)::int, sum(f.credits)::int FROM plan_figures f
              JOIN plans p ON p.account_id = f.account_id AND p.id = f.plan_id
             WHERE p.owner_kind = 'campaign' AND p.owner_id = %s GROUP BY 1, 2
            """,
            [self.id],
        ).fetchall()
        assert sum(count for _, outcome, count, _ in rows if outcome == "") == 2 * len(self.numbers)
        figured = {(channel, outcome): count for channel, outcome, count, _ in rows if outcome and count}
        assert figured == dict(outcomes)
        shown = sum(c["credit_consumed"] + c["credit_consumed_SMS"] for c in self.contacts())
        assert sum(credits for _, _, _, credits in rows) == shown
