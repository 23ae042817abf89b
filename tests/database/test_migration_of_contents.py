"""Plans that were ordered before contents held several audios go on as they were."""

from __future__ import annotations

import json

import psycopg
from psycopg.rows import tuple_row

from clean_database import upgrade_to
from ghanti.database import migrate


def test_contents_are_converted(database_url: str) -> None:
    upgrade_to(database_url, "0002")
    old = {"template": "नमस्ते {name}", "voice_id": 4, "length_factor": "1.20"}
    with psycopg.connect(database_url, autocommit=True, row_factory=tuple_row) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('a')")
        connection.execute(
            "INSERT INTO plans (account_id, owner_kind, owner_id, ring_seconds, call_content, sms_content)"
            " VALUES (1, 'campaign', 1, 30, %s, %s), (1, 'campaign', 2, 30, NULL, %s)",
            [json.dumps(old), '{"template": "x"}', '{"template": "y"}'],
        )
        connection.execute(
            "INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier, ready, content)"
            " VALUES (1, 1, 1, 'call', '+1', '', true, %s), (1, 1, 1, 'sms', '+1', '', true, %s)",
            ['{"audio": "3f9c", "ms": 4200}', '{"text": "x", "parts": 1}'],
        )
    migrate.upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        calls = connection.execute("SELECT call_content, sms_content FROM plans ORDER BY id").fetchall()
        targets = connection.execute("SELECT content FROM targets ORDER BY id").fetchall()
    audios = {"message": {"template": old["template"]}}
    assert calls == [
        ({"voice_id": 4, "length_factor": "1.20", "audios": audios}, {"template": "x"}),
        (None, {"template": "y"}),
    ]
    assert targets == [
        ({"ms": 4200, "audios": {"message": "audio/3f/3f9c.ulaw"}},),
        ({"text": "x", "parts": 1},),
    ]
