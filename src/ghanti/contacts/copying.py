"""Contacts as lines of COPY's text format (PostgreSQL documentation, COPY, "Text Format")."""

from __future__ import annotations

from ghanti.contacts.numbers import PhoneNumber


def row(position: int, number: PhoneNumber, variables: str) -> str:
    """One line: position, number, number_sent, carrier, variables.

    Args:
        variables: JSON text without line breaks between its tokens.
    """
    sent = number.sent
    if not sent.isalnum():
        sent = sent.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if "\\" in variables:
        variables = variables.replace("\\", "\\\\")
    return f"{position}\t{number.number}\t{sent}\t{number.carrier}\t{variables}\n"
