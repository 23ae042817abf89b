"""The command line: ``ghanti serve``, and what an operator does beside it."""

from __future__ import annotations

import typer

from ghanti.commands import (
    account,
    credits,
    database,
    demo,
    hook,
    number,
    packages,
    serve,
    simulate,
    smsc,
    tariff,
    trunk,
)

app = typer.Typer(
    name="ghanti",
    help="Bulk voice and SMS campaigns over your own SIP trunk and SMSC.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.add_typer(account.app, name="account", help="Accounts, their people and credits.")
app.add_typer(credits.app, name="credits", help="Credits of accounts, and their ledger.")
app.add_typer(hook.app, name="hook", help="Web hooks of accounts, and what became of them.")
app.add_typer(number.app, name="number", help="Caller numbers.")
app.add_typer(tariff.app, name="tariff", help="What calls and messages cost, by prefix.")
app.add_typer(trunk.app, name="trunk", help="SIP trunks.")
app.add_typer(smsc.app, name="smsc", help="SMSCs, for text messages.")
app.add_typer(packages.app, name="packages", help="Packages of credits on sale.")
app.add_typer(database.app, name="database", help="The database.")
app.add_typer(simulate.app, name="simulate", help="Phones and an SMSC to rehearse with.")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
