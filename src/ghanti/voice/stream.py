"""One call's RTP stream: what is sent, what is received. Lives on the media thread (see ``plane``)."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

from ghanti.media import g711
from ghanti.voice import rtp, sdp
from ghanti.voice.dtmf import KeyReader
from ghanti.voice.player import Playback
from ghanti.voice.protocol import Codec
from ghanti.voice.recorder import Recorder

_SILENCE: dict[Codec, bytes] = {
    "PCMU": bytes([g711.ULAW_SILENCE]) * rtp.SAMPLES,
    "PCMA": bytes([g711.ALAW_SILENCE]) * rtp.SAMPLES,
}
_TRANSCODE: dict[Codec, bytes] = {"PCMU": g711.ALAW_TO_ULAW, "PCMA": g711.ULAW_TO_ALAW}
Address = tuple[str, int]


class Stream:
    """A bound socket and the state of both directions.

    Every method is called on the media thread; ``received_at`` and ``port`` may be read by any.
    The stream sends without a gap from its connection on, silence when nothing is played, so that the peer's
    jitter buffer and any NAT between stay open.
    """

    def __init__(self, sock: socket.socket, on_key: Callable[[str], object]) -> None:
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self.received_at: float | None = None
        self.connected = False
        self._on_key = on_key
        self._keys = KeyReader()
        self._playback: Playback | None = None
        self._recorder: Recorder | None = None
        self._recorded: Callable[[], object] | None = None
        self._whole: Recorder | None = None
        self._codec: Codec = "PCMU"
        self._payload_type = 0
        self._telephone_event: int | None = None
        self._held = False
        self._symmetric = False
        self._signalled: Address = ("", 0)
        self._remote: Address = ("", 0)
        self._source: Address | None = None
        self._marker = True
        self._sequence = secrets.randbelow(1 << 15)
        self._timestamp = secrets.randbits(32)
        self._ssrc = secrets.randbits(32)

    def connect(self, media: sdp.Media, codec: Codec, symmetric: bool) -> None:
        """Start sending to the peer's media, or follow it after a re-INVITE."""
        if self.connected and codec != self._codec:
            if self._playback is not None:
                self._playback.switch(_TRANSCODE[codec])
            for recorder in filter(None, (self._recorder, self._whole)):
                recorder.switch(codec, _TRANSCODE[codec])
        self._codec = codec
        self._payload_type = media.codecs[codec]
        self._telephone_event = media.telephone_event
        self._held = media.held
        self._symmetric = symmetric
        if self._signalled != (media.host, media.port):
            self._signalled = self._remote = (media.host, media.port)
            self._source = None
        self.connected = True

    def play(self, playback: Playback) -> None:
        self._playback = playback

    def stop_playing(self, playback: Playback) -> None:
        if self._playback is playback:
            self._playback = None

    def record(self, recorder: Recorder, recorded: Callable[[], object]) -> None:
        """Give the callee's packets to ``recorder``; ``recorded`` is called once it is full."""
        self._recorder, self._recorded = recorder, recorded

    def stop_recording(self) -> None:
        self._recorder = self._recorded = None

    def record_all(self, recorder: Recorder) -> None:
        """Give the callee's packets to ``recorder`` too, until the stream is closed."""
        self._whole = recorder

    def send(self) -> None:
        """Send the packet that is due; called every 20 ms once connected."""
        if self._held:
            self._timestamp = (self._timestamp + rtp.SAMPLES) & 0xFFFFFFFF
            self._marker = True
            return
        silence = _SILENCE[self._codec]
        playback = self._playback
        payload = silence if playback is None else playback.next(silence)
        packet = rtp.build(
            self._payload_type, self._marker, self._sequence, self._timestamp, self._ssrc, payload
        )
        self._marker = False
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + rtp.SAMPLES) & 0xFFFFFFFF
        if playback is not None and playback.over:
            self._playback = None
            playback.finished()
        self.sock.sendto(packet, self._remote)

    def receive(self, datagram: bytes, source: Address, now: float) -> None:
        """Take a datagram; whatever is not of this call is dropped."""
        if not self.connected or len(datagram) < rtp.HEADER.size:
            return
        payload_type = datagram[1] & 0x7F
        if payload_type not in (self._payload_type, self._telephone_event):
            return
        if source != self._source and not self._adopt(source):
            return
        self.received_at = now
        if payload_type == self._telephone_event:
            packet = rtp.parse(datagram)
            key = None if packet is None else self._keys.read(packet)
            if key is not None:
                self._on_key(key)
        elif self._recorder is not None or self._whole is not None:
            self._take_audio(datagram)

    def _adopt(self, source: Address) -> bool:
        """Whether to listen to a new source: the first that sends, and always the one the peer signalled."""
        if self._source is not None and source != self._signalled:
            return False
        self._source = source
        if self._symmetric:
            self._remote = source
        return True

    def _take_audio(self, datagram: bytes) -> None:
        packet = rtp.parse(datagram)
        if packet is None:
            return
        if self._whole is not None:
            self._whole.add(packet)
        if self._recorder is None:
            return
        self._recorder.add(packet)
        if self._recorder.full and self._recorded is not None:
            self._recorded()
            self.stop_recording()
