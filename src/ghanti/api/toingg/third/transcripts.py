"""What was said in a call, and what the keys that were pressed come to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Reading
from ghanti.api.toingg.authentication import TokenReader
from ghanti.api.toingg.sids import call_of
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.direct.sids import call_sid
from ghanti.toingg.voices import LANGUAGES
from ghanti.transcripts import service as transcripts
from ghanti.transcripts.schemas import Turn

router = APIRouter()


@router.get("/get_transcription")
async def get_transcription(
    callId: str,  # noqa: N803 - its name on the wire
    principal: TokenReader,
    session: Reading,
    parts: InParts,
) -> Response:
    """What the call said and which keys were pressed, in their order.

    What the callee said is in it, as a draft, where calls are recorded and heard; `state` says how far that
    is.
    """
    told = await call_of(session, principal.account_id, callId)
    found = await transcripts.transcript(session, principal.account_id, told.sid, parts.store)
    result: dict[str, Any] = {
        "callId": call_sid(told.sid),
        "state": found.state,
        "language": LANGUAGES.get(found.language, found.language),
        "transcription": [_turn(turn) for turn in found.turns],
    }
    if found.reason is not None:
        result["reason"] = found.reason
    return enveloped("Transcription fetched.", result)


@router.get("/get_post_call_analysis")
async def get_post_call_analysis(
    callId: str,  # noqa: N803
    principal: TokenReader,
    session: Reading,
) -> Response:
    """What the keys of the call come to, by the names of `postCallAnalysisSchema`, else of the questions.

    A field that is the name of no question and no label is answered 501: it needs a conversational model.
    """
    told = await call_of(session, principal.account_id, callId)
    analysis = await transcripts.analysis(session, principal.account_id, told.sid)
    return enveloped(
        "Post call analysis fetched.", {"callId": call_sid(told.sid), "analysis": dict(analysis)}
    )


def _turn(turn: Turn) -> dict[str, Any]:
    """A turn; ``at`` is seconds after the answer."""
    return {
        "role": turn.role,
        "content": turn.content,
        "at": turn.at_ms / 1000,
        **({"question": turn.step} if turn.step is not None else {}),
        **({"draft": True} if turn.draft else {}),
    }
