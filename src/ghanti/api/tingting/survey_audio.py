"""Audio that a request brings for its steps: its uploads, its URLs, and our own links among those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO

from ghanti.accounts.service import Principal
from ghanti.api.context import Parts
from ghanti.surveys import sounds
from ghanti.surveys.schemas import StepDraft
from ghanti.surveys.sounds import SoundSources


def kept(
    parts: Parts,
    principal: Principal,
    drafts: Sequence[StepDraft],
    uploads: Mapping[int, BinaryIO],
    present: Mapping[int, str],
    field: str = "steps",
) -> AbstractAsyncContextManager[list[StepDraft]]:
    """The drafts with their audio in the media store (see ``surveys/sounds.py``).

    Args:
        uploads: Files by the order of the step.
        present: Keys of the audio that the steps have now, by step id.
    """
    sources = SoundSources(
        uploads=uploads,
        present=present,
        own_key=parts.links.key_of,
        fetcher=parts.fetcher,
    )
    return sounds.kept(parts.store, parts.settings, principal.account_id, drafts, sources, field)
