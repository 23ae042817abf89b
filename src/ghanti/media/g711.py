"""G.711 companding (ITU-T G.711) between 16-bit linear PCM and one byte a sample, by table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 8000

Pcm = npt.NDArray[np.int16]


def _ulaw_decode_table() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    linear = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, linear, (linear + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_table(decode: Pcm, prefer: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """The nearest code of each of the 65,536 linear values; ``prefer`` orders codes of equal level."""
    levels = decode[prefer].astype(np.int32)
    order = np.argsort(levels, kind="stable")
    levels, codes = levels[order], prefer[order]
    middles = (levels[:-1] + levels[1:]) / 2
    linear = np.arange(-32768, 32768)
    return codes[np.searchsorted(middles, linear)].astype(np.uint8)


_ULAW_DECODE = _ulaw_decode_table()
_ALAW_DECODE = _alaw_decode_table()
# µ-law has two zeros; 0xFF (positive) is the one in use.
_ULAW_ENCODE = _encode_table(_ULAW_DECODE, np.array([c for c in range(256) if c != 0x7F]))
_ALAW_ENCODE = _encode_table(_ALAW_DECODE, np.arange(256))

ULAW_TO_ALAW = _ALAW_ENCODE[_ULAW_DECODE.astype(np.int32) + 32768].tobytes()
ALAW_TO_ULAW = _ULAW_ENCODE[_ALAW_DECODE.astype(np.int32) + 32768].tobytes()
ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5


def ulaw_to_pcm(data: bytes) -> Pcm:
    return _ULAW_DECODE[np.frombuffer(data, np.uint8)]


def alaw_to_pcm(data: bytes) -> Pcm:
    return _ALAW_DECODE[np.frombuffer(data, np.uint8)]


def pcm_to_ulaw(pcm: Pcm) -> bytes:
    return _ULAW_ENCODE[pcm.astype(np.int32) + 32768].tobytes()


def pcm_to_alaw(pcm: Pcm) -> bytes:
    return _ALAW_ENCODE[pcm.astype(np.int32) + 32768].tobytes()
