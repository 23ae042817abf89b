"""Recording of the callee: G.711 packets, in whatever order they come, to 16-bit 8 kHz samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ghanti.media import g711
from ghanti.media.wav import wav_bytes
from ghanti.voice import rtp
from ghanti.voice.protocol import Codec

BYTES_PER_MS = g711.SAMPLE_RATE // 1000
# Mean magnitude below which a packet counts as silence: -46 dBFS, above line noise and below speech.
SILENCE_LEVEL = 160
# A timestamp that leaps further than this belongs to a new stream, not to a late packet.
_LEAP_SAMPLES = 10 * g711.SAMPLE_RATE
_SILENCE: dict[Codec, bytes] = {"PCMU": bytes([g711.ULAW_SILENCE]), "PCMA": bytes([g711.ALAW_SILENCE])}
_DECODE: dict[Codec, Callable[[bytes], g711.Pcm]] = {"PCMU": g711.ulaw_to_pcm, "PCMA": g711.alaw_to_pcm}


class Recorder:
    """Lays packets out by timestamp: lost ones stay silent, late or doubled ones change nothing."""

    def __init__(self, codec: Codec, max_ms: int, silence_ms: int | None) -> None:
        self._codec = codec
        self._limit = max_ms * BYTES_PER_MS
        self._quiet_limit = None if silence_ms is None else silence_ms * BYTES_PER_MS
        self._data = bytearray()
        self._base: int | None = None
        self._ssrc = 0
        self._heard_until = 0

    @property
    def ms(self) -> int:
        return len(self._data) // BYTES_PER_MS

    @property
    def heard_ms(self) -> int:
        """Until when, from the beginning, there was any sound; 0 when there was none."""
        return self._heard_until // BYTES_PER_MS

    @property
    def full(self) -> bool:
        """Whether the longest recording is reached, or the callee has been silent for long enough."""
        if len(self._data) >= self._limit:
            return True
        return self._quiet_limit is not None and len(self._data) - self._heard_until >= self._quiet_limit

    def add(self, packet: rtp.Packet) -> None:
        """Take a packet of the negotiated codec."""
        offset = self._offset(packet)
        payload = packet.payload[: max(0, self._limit - offset)]
        if offset < 0 or not payload:
            return
        end = offset + len(payload)
        if end > len(self._data):
            self._data += _SILENCE[self._codec] * (end - len(self._data))
        self._data[offset:end] = payload
        self._listen(payload, end)

    def _listen(self, payload: bytes, end: int) -> None:
        """Note whether a packet, which ends at this sample, has any sound."""
        if np.abs(_DECODE[self._codec](payload).astype(np.int32)).mean() > SILENCE_LEVEL:
            self._heard_until = max(self._heard_until, end)

    def take(self, keep: int = 0) -> g711.Pcm:
        """What was recorded but for the last ``keep`` samples, which late packets may change; it is dropped.

        Positions and limits count on from there.
        """
        cut = max(0, len(self._data) - keep)
        taken = _DECODE[self._codec](bytes(self._data[:cut]))
        del self._data[:cut]
        self._limit -= cut
        self._heard_until -= cut
        if self._base is not None:
            self._base = (self._base + cut) % (1 << 32)
        return taken

    def switch(self, codec: Codec, table: bytes) -> None:
        """Go on in ``codec``, to which ``table`` translates, after the peer changed it in mid-call."""
        self._data = self._data.translate(table)
        self._codec = codec

    def _offset(self, packet: rtp.Packet) -> int:
        """Where the packet lies, in samples from the start; negative when it is older than the start."""
        if self._base is None:
            self._base, self._ssrc = packet.timestamp, packet.ssrc
        offset = rtp.later(self._base, packet.timestamp)
        if packet.ssrc != self._ssrc or abs(offset - len(self._data)) > _LEAP_SAMPLES:
            offset = len(self._data)
            self._base, self._ssrc = (packet.timestamp - offset) % (1 << 32), packet.ssrc
        return offset

    def samples(self) -> g711.Pcm:
        """What was recorded, as 16-bit linear samples."""
        return _DECODE[self._codec](bytes(self._data))

    def save(self, path: Path) -> None:
        """Write a mono 16-bit 8 kHz wav. Blocks; not for the media thread.

        Raises:
            OSError: the disk did not take it; nothing is left there.
        """
        partial = path.with_suffix(".part")
        try:
            partial.write_bytes(wav_bytes(self.samples()))
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
