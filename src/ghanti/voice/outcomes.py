"""What a final SIP response means for a call (RFC 3261, 21; RFC 4497 for the cause codes behind them)."""

from __future__ import annotations

REASONS: dict[int, str] = {
    401: "auth",
    407: "auth",
    403: "rejected",
    603: "rejected",
    607: "rejected",
    608: "rejected",
    404: "invalid_number",
    410: "invalid_number",
    484: "invalid_number",
    485: "invalid_number",
    604: "invalid_number",
    408: "no_answer",
    480: "no_answer",
    487: "no_answer",
    486: "busy",
    600: "busy",
}


def reason_of(code: int) -> str:
    """The machine word for a final response that is no success."""
    if code in REASONS:
        return REASONS[code]
    if 300 <= code < 400:
        return "redirected"
    if code >= 600:
        return "rejected"
    return "failed"
