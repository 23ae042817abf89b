"""The answered part of a call: the :class:`~ghanti.voice.interpreter.Line` that its script runs over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ghanti.voice import sdp
from ghanti.voice.call_recording import CallRecording
from ghanti.voice.interpreter import Interpreter
from ghanti.voice.plane import MediaPlane
from ghanti.voice.player import BEEP, Playback, duration_ms
from ghanti.voice.protocol import Answer, Codec, Dial, Key, Played, Recorded, Said
from ghanti.voice.recorder import Recorder
from ghanti.voice.script import Listen, Record
from ghanti.voice.stream import Stream

logger = logging.getLogger(__name__)

MAX_KEYS = 256
SWALLOW_SECONDS = 1.0
"""How long behind the last of an answer's keys the terminator may come that some press after it."""


class Conversation:
    """Plays, listens and records for one call: on the event loop, over a stream of the media thread."""

    def __init__(
        self,
        dial: Dial,
        plane: MediaPlane,
        stream: Stream,
        audio: dict[str, bytes],
        recordings: Path | None,
        report: Callable[..., None],
    ) -> None:
        self._dial = dial
        self._plane = plane
        self._stream = stream
        self._audio = audio
        self._recordings = recordings
        self._pressed: asyncio.Queue[str] = asyncio.Queue()
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._interpreter = Interpreter(dial.script, self)
        self._codec: Codec = "PCMU"
        self._connected_at = 0.0
        self._answered_at = 0.0
        self._whole: CallRecording | None = None
        self._said: list[Said] = []
        self._said_told = 0
        self._key_source: str | None = None
        self._playing: tuple[str, Playback, int] | None = None
        """What plays, and since when: milliseconds after the answer."""
        self._heard_ms: dict[str, int] = {}
        self._begun: set[str] = set()
        self._late: tuple[str, float] | None = None
        """A terminator that ends nothing any more, and until when it may come."""
        self._on_key: Callable[[str], object] | None = None
        """Told of every key while a step goes on that keys may end."""
        self.keys = ""
        self.completed = False
        self.gave_up = False
        """Whether the script ended at a question that must be answered and was not."""
        self.lost_recordings: list[str] = []
        """Names of recordings that the disk did not take."""

    @property
    def answers(self) -> dict[str, str]:
        """What each listen step collected so far."""
        return dict(self._interpreter.answers)

    @property
    def heard_ms(self) -> int:
        """How much of what the script has to say was sent while connected, each audio counted once."""
        self._count_heard()
        return sum(self._heard_ms.values())

    @property
    def total_ms(self) -> int:
        """How much the script has to say."""
        return sum(duration_ms(len(self._audio[name])) for name in self._dial.script.told)

    @property
    def said(self) -> list[Said]:
        """What was played, in order, what plays now included."""
        if self._playing is None or not self._playing[0]:
            return self._said
        return [*self._said, _said(*self._playing)]

    def connect(self, media: sdp.Media, codec: Codec) -> None:
        """Start the stream towards the callee."""
        self._codec = codec
        self._connected_at = time.monotonic()
        self._answered_at = self._answered_at or self._connected_at
        symmetric = self._dial.trunk.symmetric_rtp
        self._plane.submit(lambda: self._stream.connect(media, codec, symmetric))

    async def run(self, lead_seconds: float, tail_seconds: float) -> None:
        """Run the script; a little silence stands before and behind it."""
        await asyncio.sleep(lead_seconds)
        self.completed = await self._interpreter.run()
        self.gave_up = not self.completed
        await asyncio.sleep(tail_seconds)

    def hush(self) -> None:
        """Play no more; what was heard stays counted."""
        if self._playing is not None:
            playback = self._playing[1]
            self._plane.submit(lambda: self._stream.stop_playing(playback))

    def silent_seconds(self) -> float:
        """How long the callee has sent no packet."""
        return time.monotonic() - max(self._stream.received_at or 0.0, self._connected_at)

    def report_progress(self) -> None:
        if self._playing is None and len(self._said) == self._said_told:
            return
        self._said_told = len(self._said)
        said = self.said
        if said:
            audio = said[-1].audio
            self._report(Played, audio=audio, played_ms=self.heard_ms, total_ms=self.total_ms, said=said)

    def press(self, key: str, source: str) -> None:
        """Take a key; of a peer that sends each both as RTP and as INFO, from whichever came first."""
        self._key_source = self._key_source or source
        if source != self._key_source or len(self.keys) >= MAX_KEYS:
            return
        self.keys += key
        self._report(Key, digit=key)
        late, self._late = self._late, None
        if late is not None and key == late[0] and self._loop.time() < late[1]:
            return
        self._pressed.put_nowait(key)
        if self._on_key is not None:
            self._on_key(key)

    def reoffered(self, description: str | None, address: str, session: int, version: int) -> str | None:
        """Follow a re-INVITE; our answer, our offer when it bore none, or None when it can't be followed."""
        codecs = self._dial.trunk.codecs
        if description is None:
            return sdp.describe(address, self._stream.port, codecs, session=session, version=version)
        try:
            media = sdp.parse(description)
            codec = self._codec if self._codec in media.codecs else media.choose(codecs)
        except sdp.SdpError:
            return None
        self.connect(media, codec)
        return sdp.describe(
            address,
            self._stream.port,
            [codec],
            session=session,
            version=version,
            direction=sdp.answer_direction(media.direction),
            payloads=media.codecs,
            telephone_event=media.telephone_event,
        )

    def record_call(self) -> None:
        """Record the callee from now on until ``keep_call``; whatever the disk says, the call goes on."""
        assert self._recordings is not None
        path = self._recordings / f"{self._dial.attempt}-{self._dial.leg}-call.wav"
        max_ms = round(self._dial.max_seconds * 1000)
        self._whole = CallRecording(path, self._plane, self._stream, self._codec, max_ms)
        self._report(Recorded, state="pending", path=str(path))

    async def keep_call(self) -> None:
        """Write what is left of the recording of the call, if there is one, and tell where it is."""
        if self._whole is None:
            return
        whole, self._whole = self._whole, None
        await whole.close()
        if whole.ms:
            self._report(Recorded, state="stored", path=str(whole.path), ms=whole.ms)
        else:
            self._report(Recorded, state="lost")

    def limit_recording_to(self, max_seconds: float) -> None:
        if self._whole is not None:
            self._whole.limit_to(round(max_seconds * 1000))

    # The script's line.

    async def play(self, audio: str, *, interruptible: bool) -> bool:
        if interruptible and not self._pressed.empty():
            return True
        return await self._play(audio, self._audio[audio], interruptible)

    async def _play(self, name: str, data: bytes, interruptible: bool) -> bool:
        done = asyncio.Event()
        stopped = False

        def stop(_key: str) -> None:
            nonlocal stopped
            stopped = True
            done.set()

        playback = Playback(data, self._codec, lambda: self._loop.call_soon_threadsafe(done.set))
        self._playing = (name, playback, self._since_answer_ms())
        self._on_key = stop if interruptible else None
        self._plane.submit(lambda: self._stream.play(playback))
        try:
            await done.wait()
        finally:
            self._on_key = None
            self.hush()
            self._count_heard()
            if name:
                self._said.append(_said(*self._playing))
            self._playing = None
        return stopped

    def _since_answer_ms(self) -> int:
        return round((time.monotonic() - self._answered_at) * 1000)

    def _count_heard(self) -> None:
        if self._playing is not None:
            name, playback, _ = self._playing
            if name in self._dial.script.told:
                self._heard_ms[name] = max(self._heard_ms.get(name, 0), playback.played_ms)

    async def next_key(self, within: float) -> str | None:
        try:
            async with asyncio.timeout(within):
                return await self._pressed.get()
        except TimeoutError:
            return None

    def forget_keys(self) -> None:
        while not self._pressed.empty():
            self._pressed.get_nowait()

    def swallow(self, terminator: str) -> None:
        pressed = [self._pressed.get_nowait() for _ in range(self._pressed.qsize())]
        if not pressed:
            self._late = (terminator, self._loop.time() + SWALLOW_SECONDS)
        for key in pressed[pressed[:1] == [terminator] :]:
            self._pressed.put_nowait(key)

    async def record(self, step: Record) -> bool:
        if step.name not in self._begun:
            self._begun.add(step.name)
            self._report(Answer, name=step.name, kind="recording", state="pending")
        if step.beep:
            await self._play("", BEEP, False)
        done = asyncio.Event()
        recorder = Recorder(self._codec, step.max_ms, step.silence_ms)
        self.forget_keys()
        self._on_key = lambda key: done.set() if key == step.terminator else None
        self._plane.submit(
            lambda: self._stream.record(recorder, lambda: self._loop.call_soon_threadsafe(done.set))
        )
        try:
            # A callee that sends nothing fills no recording, so the clock bounds it too.
            async with asyncio.timeout(step.max_ms / 1000 + 1):
                await done.wait()
        except TimeoutError:
            pass
        finally:
            # Also when the callee has hung up in the middle: what was said until then counts.
            self._on_key = None
            said = await self._keep(step, recorder)
        return said

    async def _keep(self, step: Record, recorder: Recorder) -> bool:
        """Stop recording and store the file, unless nothing was said."""
        stopped = asyncio.Event()

        def stop() -> None:
            self._stream.stop_recording()
            self._loop.call_soon_threadsafe(stopped.set)

        self._plane.submit(stop)
        await stopped.wait()
        if recorder.heard_ms < max(1, step.min_ms):
            return False
        assert self._recordings is not None
        path = self._recordings / f"{self._dial.attempt}-{self._dial.leg}-{step.name}.wav"
        try:
            await asyncio.to_thread(recorder.save, path)
        except OSError as error:
            # The callee is still there to hear the rest.
            logger.error("%s was not kept: %s", path.name, error)
            self.lost_recordings.append(step.name)
            self._report(Answer, name=step.name, kind="recording", state="lost")
        else:
            self._report(
                Answer, name=step.name, kind="recording", state="stored", path=str(path), ms=recorder.ms
            )
        return True

    def answered(self, step: Listen, keys: str) -> None:
        self._report(Answer, name=step.name, kind="keys", state="given", keys=keys)

    def passed_over(self, step: Listen | Record) -> None:
        kind = "keys" if isinstance(step, Listen) else "recording"
        self._report(Answer, name=step.name, kind=kind, state="given")


def _said(audio: str, playback: Playback, at_ms: int) -> Said:
    return Said(audio=audio, at_ms=at_ms, played_ms=playback.played_ms, total_ms=playback.total_ms)
