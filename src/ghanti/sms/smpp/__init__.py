"""An SMPP v3.4 transceiver session over asyncio.

From the wire upwards: `pdus` encodes and decodes, `link` is one bound connection, `session` keeps a link
up and paces it, `channel` sends whole messages through a session.
"""
