"""Which kind of audio file this is, by its first bytes: only these are ever opened, each as what it is.

Nothing is left to FFmpeg's own guess, which would also recognise playlists and scripts that name other
files and addresses to be opened.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 64
"""How much of a file's beginning is looked at."""

MISSING = 0.2
"""Of the stated length; a file that lacks more was cut off."""

_HUGE = 0x7FFF0000


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file.

    Attributes:
        demuxer: FFmpeg's name of what reads it.
        ending: the ending of its name, with the dot.
        states_length: whether FFmpeg reports how long the audio is by its header, not by its own guess.
    """

    demuxer: str
    ending: str
    states_length: bool = False


WAV = Container("wav", ".wav")
MP3 = Container("mp3", ".mp3")
OGG = Container("ogg", ".ogg")
M4A = Container("mov", ".m4a", states_length=True)

CODECS = (
    *("mp3", "mp3float", "vorbis", "opus", "libopus", "aac", "alac"),
    *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_alaw"),
    *("adpcm_ms", "adpcm_ima_wav"),
)
"""FFmpeg's names of the decoders that may run."""


def container_of(head: bytes) -> Container | None:
    """The kind of a file that begins with ``head``; None for one that is not supported."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return WAV
    if head.startswith(b"OggS"):
        return OGG
    if head[4:8] == b"ftyp":
        return M4A
    if head.startswith(b"ID3") or _is_mpeg_audio(head):
        return MP3
    return None


def is_cut_off(head: bytes, size: int) -> bool:
    """Whether a WAV file of ``size`` bytes lacks a good part of what its header says it holds.

    Programs that can't know the length beforehand write none, or a huge one.
    """
    stated = int.from_bytes(head[4:8], "little")
    return head.startswith(b"RIFF") and size < stated * (1 - MISSING) and stated < _HUGE


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether a frame of MPEG audio, layer I to III, begins here (ISO/IEC 11172-3, 2.4.2.3)."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
