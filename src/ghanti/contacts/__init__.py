"""Contacts: phone numbers, their import from spreadsheets, and the variables that fill tags."""
