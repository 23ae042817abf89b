"""What speech raises."""

from __future__ import annotations


class SpeechError(Exception):
    """A text cannot be spoken; the message says why, in words an operator understands."""
