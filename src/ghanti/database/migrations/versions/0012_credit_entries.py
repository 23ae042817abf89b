"""Entries of every kind, events of balances, and credits that expire."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_CURRENCIES = ("phone", "sms")


def upgrade() -> None:
    _balances()
    _entries()
    _beside_the_ledger()
    _append_only()


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")


def _balances() -> None:
    parts = ("held", "owed", "stale", "lasting", "level")
    for currency in _CURRENCIES:
        for part in parts:
            op.add_column("credit_balances", _amount(f"{currency}_{part}", server_default=sa.text("0")))
        op.add_column("credit_balances", sa.Column(f"{currency}_low", sa.BigInteger(), nullable=True))
        op.add_column(
            "credit_balances", sa.Column(f"{currency}_alert", sa.Text(), server_default="", nullable=False)
        )
    op.add_column("credit_balances", _created_at("changed_at"))
    for currency, channel in (("phone", "call"), ("sms", "sms")):
        op.execute(
            f"""
            UPDATE credit_balances b
               SET {currency}_level = {currency}, {currency}_held = live.held,
                   {currency}_lasting = {currency} + live.held
              FROM (SELECT a.account_id, coalesce(sum(t.held), 0) AS held
                      FROM credit_balances a
                      LEFT JOIN attempts t ON t.account_id = a.account_id AND t.channel = '{channel}'
                                          AND t.state <> 'ended'
                     GROUP BY a.account_id) live
             WHERE live.account_id = b.account_id
            """  # noqa: S608 - made of constants
        )
        op.create_check_constraint(
            op.f(f"ck_credit_balances_{currency}_parts_not_negative"),
            "credit_balances",
            " AND ".join(f"{currency}_{part} >= 0" for part in (*parts, "low")),
        )
    op.create_check_constraint(
        op.f("ck_credit_balances_alerts"),
        "credit_balances",
        "phone_alert IN ('', 'low', 'empty') AND sms_alert IN ('', 'low', 'empty')",
    )


def _entries() -> None:
    op.add_column("ledger_entries", sa.Column("balance", sa.BigInteger(), nullable=True))
    op.add_column("ledger_entries", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("ledger_entries", sa.Column("source_id", sa.Text(), nullable=True))
    op.execute(
        """
        UPDATE ledger_entries e SET balance = r.balance
          FROM (SELECT account_id, id,
                       sum(amount) OVER (PARTITION BY account_id, currency ORDER BY id) AS balance
                  FROM ledger_entries) r
         WHERE r.account_id = e.account_id AND r.id = e.id
        """
    )
    op.alter_column("ledger_entries", "balance", nullable=False)
    for name, condition in (
        ("currency", "currency IN ('phone', 'sms')"),
        (
            "kind_and_sign",
            "kind IN ('purchase', 'reserve', 'settle', 'refund', 'adjust', 'expire') AND amount <> 0"
            " AND CASE kind WHEN 'purchase' THEN amount > 0 WHEN 'reserve' THEN amount < 0"
            " WHEN 'refund' THEN amount < 0 WHEN 'expire' THEN amount < 0 ELSE true END",
        ),
        ("cause", "cause <> ''"),
        ("source", "(source IS NULL) = (source_id IS NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_ledger_entries_{name}"), "ledger_entries", condition)


def _beside_the_ledger() -> None:
    _owned(
        "credit_lots",
        _amount("unspent"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.CheckConstraint("unspent > 0", name=op.f("ck_credit_lots_unspent_positive")),
    )
    op.create_index("ix_credit_lots_expires", "credit_lots", ["expires_at"])
    _owned(
        "credit_debts",
        _amount("owed"),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.CheckConstraint("owed > 0", name=op.f("ck_credit_debts_owed_positive")),
    )
    _owned(
        "credit_events",
        sa.Column("kind", sa.Text(), nullable=False),
        _amount("balance"),
        _amount("threshold"),
        sa.Column(
            "plan_id",
            sa.BigInteger(),
            nullable=True,
            comment="That could not go on, if one was the reason",
        ),
        sa.CheckConstraint("kind IN ('low', 'empty', 'restored')", name=op.f("ck_credit_events_kind")),
    )


def _append_only() -> None:
    # An account's entries go with it: its row is gone before they are.
    op.execute(
        """
        CREATE FUNCTION keep_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM accounts WHERE id = OLD.account_id) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'the ledger is append-only: entry % stays as it is', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER keep_ledger_entry BEFORE UPDATE OR DELETE ON ledger_entries"
        " FOR EACH ROW EXECUTE FUNCTION keep_ledger_entry()"
    )


def _owned(table: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        *columns,
        _created_at("created_at"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["credit_balances.account_id"],
            name=op.f(f"fk_{table}_account_id_credit_balances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f(f"pk_{table}")),
    )


def _amount(name: str, server_default: sa.TextClause | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=server_default)


def _created_at(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
