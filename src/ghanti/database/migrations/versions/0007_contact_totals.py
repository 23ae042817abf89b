"""What is known of a campaign's contacts without reading them: how many of each carrier, which variables.

Triggers keep both, so that whoever writes contacts keeps them true. Additions go to one row a carrier
(``contact_id`` 0), which only those who add, one at a time, ever change; what takes a contact away has a row
of its own. So nobody waits here for a lock that another order of locks forbids.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_VARIABLES = """
    INSERT INTO campaign_variables (account_id, campaign_id, name, contact_id, place)
    SELECT account_id, campaign_id, name, first[1], first[2]
      FROM (SELECT account_id, campaign_id, name, min(ARRAY[id, place]) AS first
              FROM (SELECT account_id, campaign_id, names, min(id) AS id
                      FROM (SELECT account_id, campaign_id, id,
                                   ARRAY(SELECT json_object_keys(variables)) AS names
                              FROM {contacts}) each_contact
                     GROUP BY account_id, campaign_id, names) alike,
                   unnest(names) WITH ORDINALITY AS named (name, place)
             GROUP BY account_id, campaign_id, name) found
     WHERE NOT EXISTS (
           SELECT FROM campaign_variables known
            WHERE known.account_id = found.account_id AND known.campaign_id = found.campaign_id
              AND known.name = found.name)
     ORDER BY account_id, campaign_id, name
    ON CONFLICT DO NOTHING
"""

_ADDED = """
    INSERT INTO contact_totals AS total (account_id, campaign_id, carrier, contact_id, contacts)
    SELECT account_id, campaign_id, carrier, 0, count(*) FROM {contacts}
     GROUP BY account_id, campaign_id, carrier
     ORDER BY account_id, campaign_id, carrier
    ON CONFLICT (account_id, campaign_id, carrier, contact_id)
    DO UPDATE SET contacts = total.contacts + EXCLUDED.contacts
"""

_REMOVED = """
    INSERT INTO contact_totals AS total (account_id, campaign_id, carrier, contact_id, contacts)
    SELECT account_id, campaign_id, carrier, min(id), -count(*) FROM removed
     WHERE EXISTS (SELECT FROM campaigns
                    WHERE campaigns.account_id = removed.account_id AND campaigns.id = removed.campaign_id)
     GROUP BY account_id, campaign_id, carrier
     ORDER BY account_id, campaign_id, carrier
    ON CONFLICT (account_id, campaign_id, carrier, contact_id)
    DO UPDATE SET contacts = total.contacts + EXCLUDED.contacts
"""

_MOVED = """
    INSERT INTO contact_totals AS total (account_id, campaign_id, carrier, contact_id, contacts)
    VALUES (OLD.account_id, OLD.campaign_id, OLD.carrier, OLD.id, -1),
           (NEW.account_id, NEW.campaign_id, NEW.carrier, NEW.id, 1)
    ON CONFLICT (account_id, campaign_id, carrier, contact_id)
    DO UPDATE SET contacts = total.contacts + EXCLUDED.contacts
"""


def upgrade() -> None:
    op.create_table(
        "contact_totals",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column(
            "contact_id",
            sa.BigInteger(),
            nullable=False,
            comment="0: all that were added; else a contact that went, or changed its carrier",
        ),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_contact_totals_account_id_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "campaign_id", "carrier", "contact_id", name=op.f("pk_contact_totals")
        ),
    )
    op.create_table(
        "campaign_variables",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False, comment="The first contact that had it"),
        sa.Column("place", sa.BigInteger(), nullable=False, comment="Among the variables of that contact"),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_campaign_variables_account_id_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "campaign_id", "name", name=op.f("pk_campaign_variables")),
    )
    op.execute(_ADDED.format(contacts="contacts"))
    op.execute(_VARIABLES.format(contacts="contacts"))
    _trigger(
        "added",
        _ADDED.format(contacts="added") + ";" + _VARIABLES.format(contacts="added"),
        "AFTER INSERT ON contacts REFERENCING NEW TABLE AS added FOR EACH STATEMENT",
    )
    _trigger(
        "removed", _REMOVED, "AFTER DELETE ON contacts REFERENCING OLD TABLE AS removed FOR EACH STATEMENT"
    )
    _trigger(
        "moved",
        _MOVED,
        "AFTER UPDATE OF carrier ON contacts FOR EACH ROW WHEN (OLD.carrier <> NEW.carrier)",
    )
    _trigger(
        "described",
        _VARIABLES.format(contacts="(SELECT NEW.*) changed"),
        "AFTER UPDATE OF variables ON contacts FOR EACH ROW",
    )


def _trigger(what: str, statements: str, when: str) -> None:
    op.execute(
        f"CREATE FUNCTION contacts_{what}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {statements}; RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER contacts_{what} {when} EXECUTE FUNCTION contacts_{what}()")


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
