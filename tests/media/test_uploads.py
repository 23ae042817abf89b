"""Uploads on their way into the media store, those included that were made to do harm."""

from __future__ import annotations

import asyncio
import io
import random
import struct
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from audio_files import KINDS, as_pcm, audio_file, sound
from ghanti.media import decoding_process, uploads
from ghanti.media.correlate import similarity
from ghanti.media.decoding import UndecodableError
from ghanti.media.g711 import ulaw_to_pcm
from ghanti.media.store import MediaStore
from ghanti.media.uploads import KeptAudio, kept_audio, keys
from ghanti.media.wav import wav_bytes
from ghanti.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def files(store: MediaStore) -> list[str]:
    return sorted(
        path.relative_to(store.folder).as_posix() for path in store.folder.rglob("*") if path.is_file()
    )


async def keep(store: MediaStore, data: bytes, **settings: Any) -> KeptAudio:
    return await uploads.keep_audio(store, io.BytesIO(data), 7, Settings(**settings))


async def refusal(store: MediaStore, data: bytes, **settings: Any) -> str:
    """Why a file is refused; nothing of it stays."""
    with pytest.raises(UndecodableError) as caught:
        await keep(store, data, **settings)
    assert files(store) == []
    assert list((store.folder / ".scratch").iterdir()) == []
    assert caught.value.message.endswith(".")
    return caught.value.message


@pytest.mark.parametrize("kind", ["mp3", "m4a", "vorbis", "opus", "wav-s24"])
async def test_both_are_kept_and_one_leads_to_the_other(store: MediaStore, kind: str) -> None:
    data = audio_file(kind, 2)
    kept = await keep(store, data)
    assert store.path(kept.original_key).read_bytes() == data
    assert kept.original_key.startswith("uploads/7/audio/")
    pcm = ulaw_to_pcm(store.path(kept.ulaw_key).read_bytes())
    assert similarity(pcm, as_pcm(sound(2))) > 0.9
    assert kept_audio(store, kept.original_key) == kept
    assert abs(kept.ms - 2000) < 100
    assert files(store) == sorted(keys(kept.original_key))
    for key in keys(kept.original_key):
        assert store.path(key).stat().st_mode & 0o077 == 0
        store.delete(key)
    assert kept_audio(store, kept.original_key) is None


async def test_a_file_is_read_from_its_beginning(store: MediaStore) -> None:
    upload = io.BytesIO(audio_file("mp3", 1))
    upload.seek(0, io.SEEK_END)
    assert (await uploads.keep_audio(store, upload, 7, Settings())).ms > 900


async def test_what_is_empty(store: MediaStore) -> None:
    assert await refusal(store, b"") == "The file is empty."
    assert await refusal(store, wav_bytes(as_pcm(sound(0)))) == "The file holds no audio."


async def test_what_is_too_large(store: MediaStore) -> None:
    data = wav_bytes(as_pcm(sound(80)))
    assert await refusal(store, data, upload_megabytes=1) == "The file is larger than 1 MB."


async def test_a_long_silence_in_a_small_file(store: MediaStore) -> None:
    data = bytearray(_opus_silence(20))
    message = await refusal(store, bytes(data), audio_seconds=30)
    assert message == "The audio is longer than 30 s."


def _opus_silence(minutes: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as output:
        stream: Any = output.add_stream("libopus", rate=8000)
        stream.layout = "mono"
        stream.bit_rate = 6000
        stream.codec_context.options = {"frame_duration": "60", "dtx": "1"}
        second = np.zeros((1, 480), np.int16)
        for _ in range(minutes * 1000):
            frame = av.AudioFrame.from_ndarray(second, format="s16", layout="mono")
            frame.rate = 8000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    data = buffer.getvalue()
    assert len(data) < 1 << 20
    return data


async def test_a_video(store: MediaStore) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream: Any = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    assert await refusal(store, buffer.getvalue()) == "The file is a video; send its sound alone."


@pytest.mark.parametrize("kind", ["m4a", "wav-s16-stereo"])
async def test_a_file_without_its_end(store: MediaStore, kind: str) -> None:
    whole = audio_file(kind, 3)
    assert (await refusal(store, whole[: len(whole) // 2])).startswith("The file is damaged")


@pytest.mark.parametrize("kind", ["mp3", "vorbis", "opus"])
async def test_a_stream_without_its_end_is_as_long_as_it_is(store: MediaStore, kind: str) -> None:
    whole = audio_file(kind, 16)
    kept = await keep(store, whole[: len(whole) * 3 // 4])
    assert 6000 < kept.ms < 15_500


@pytest.mark.parametrize("kind", ["mp3", "m4a", "vorbis", "opus", "wav-float", "wav-ulaw"])
async def test_damage_is_refused_or_survived(store: MediaStore, kind: str) -> None:
    whole = audio_file(kind, 1)
    chance = random.Random(kind)
    for _ in range(5):
        broken = bytearray(whole)
        for _ in range(60):
            broken[chance.randrange(12, len(broken))] = chance.randrange(256)
        try:
            kept = await keep(store, bytes(broken))
        except UndecodableError:
            assert files(store) == []
        else:
            assert 0 < kept.ms < 600_000
            for key in keys(kept.original_key):
                store.delete(key)


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {target}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{target}</BaseURL>',
    "text": "नमस्ते",
}


@pytest.mark.parametrize("prefix", [b"", b"ID3\x03\x00\x00\x00\x00\x00\x00"], ids=["bare", "tagged"])
@pytest.mark.parametrize("kind", PLAYLISTS)
async def test_lists_of_other_files_are_no_audio(
    store: MediaStore, tmp_path: Path, kind: str, prefix: bytes
) -> None:
    other = tmp_path / "secret.wav"
    other.write_bytes(wav_bytes(as_pcm(sound(1))))
    await refusal(store, prefix + PLAYLISTS[kind].format(target=other).encode())


async def test_an_m4a_whose_sound_lies_in_another_file(store: MediaStore, tmp_path: Path) -> None:
    """An MP4 may say that a track's data is elsewhere (ISO/IEC 14496-12, 8.7.2), which is not opened."""
    other = tmp_path / "secret.m4a"
    other.write_bytes(audio_file("m4a", 1))
    whole = audio_file("m4a", 1)
    here = b"dref" + bytes(7) + b"\x01" + struct.pack(">I", 12) + b"url \x00\x00\x00\x01"
    assert whole.count(here) == 1
    place = f"file://{other}".encode() + b"\0"
    there = (
        b"dref" + bytes(7) + b"\x01" + struct.pack(">I", 12 + len(place)) + b"url \x00\x00\x00\x00" + place
    )
    moved = _grown(whole, here, there)
    # Its own samples become silence of some other encoding, so what is heard can only come from elsewhere.
    start = moved.index(b"mdat") + 4
    end = moved.index(b"moov") - 4
    emptied = moved[:start] + bytes(end - start) + moved[end:]
    try:
        kept = await keep(store, emptied)
    except UndecodableError:
        assert files(store) == []
    else:
        pcm = ulaw_to_pcm(store.path(kept.ulaw_key).read_bytes())
        assert similarity(pcm, as_pcm(sound(1))) < 0.5


def _grown(data: bytes, here: bytes, there: bytes) -> bytes:
    """An MP4 with one box replaced; the boxes around it lie behind the samples and get new lengths."""
    at = data.index(here)
    grown = bytearray(data[:at] + there + data[at + len(here) :])
    more = len(there) - len(here)
    names = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"]
    for name in names:
        position = data.index(name) - 4
        grown[position : position + 4] = struct.pack(
            ">I", int.from_bytes(data[position : position + 4]) + more
        )
    return bytes(grown)


@pytest.mark.parametrize(
    "start",
    [b"OggS", b"RIFF\xff\xff\xff\xffWAVE", b"\x00\x00\x00\x18ftypM4A ", b"\xff\xfb\x90\x00", b"ID3", b""],
)
async def test_junk(store: MediaStore, start: bytes) -> None:
    await refusal(store, start + random.Random(5).randbytes(3 << 20))


async def test_a_wav_file_of_an_absurd_shape(store: MediaStore) -> None:
    whole = bytearray(wav_bytes(as_pcm(sound(1))))
    for offset, field in ((22, b"\xff\xff"), (24, b"\xff\xff\xff\xff"), (24, bytes(4)), (34, b"\xff\xff")):
        broken = bytearray(whole)
        broken[offset : offset + len(field)] = field
        await refusal(store, bytes(broken))


async def test_a_decoding_that_takes_too_long_ends(store: MediaStore, tmp_path: Path) -> None:
    source = tmp_path / "long.wav"
    source.write_bytes(wav_bytes(as_pcm(sound(60))))
    with pytest.raises(UndecodableError, match="too much time"):
        await decoding_process.decode(source, tmp_path / "target", 7, Settings(), seconds=0.01)
    assert not _decoders()


async def test_a_decoding_that_takes_too_much_memory_ends(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_process, "MEGABYTES", 230)
    assert "memory" in await refusal(store, wav_bytes(as_pcm(np.tile(sound(10), 55))))


async def test_a_caller_who_goes_leaves_no_process(store: MediaStore) -> None:
    task = asyncio.create_task(keep(store, wav_bytes(as_pcm(np.tile(sound(10), 50)))))
    async with asyncio.timeout(30):
        while not _decoders():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _decoders()
    assert files(store) == []


async def test_many_at_once_take_turns(store: MediaStore) -> None:
    kinds = [kind for kind in KINDS if kind != "wav-s16"]
    kept = await asyncio.gather(*(keep(store, audio_file(kind, 1)) for kind in kinds))
    assert len({item.original_key for item in kept}) == len(kinds)


def _decoders() -> list[int]:
    """Pids of decoding processes started by this one."""
    found = []
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in listing.read_text().split():
            try:
                if b"ghanti.media.decoder" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def test_old_files_go_and_young_ones_stay(store: MediaStore) -> None:
    import os

    old = time.time() - 100
    for key in ("previews/aa/old.mp3", "previews/aa/young.mp3", "audio/old.ulaw"):
        path = store.put(key, b"x")
        if "old" in key:
            os.utime(path, (old, old))
    assert store.discard_older("previews", 50) == 1
    assert files(store) == ["audio/old.ulaw", "previews/aa/young.mp3"]
    assert store.discard_older("nothing", 50) == 0


def test_what_a_killed_process_left_goes(store: MediaStore) -> None:
    import os

    with store.scratch() as folder:
        (folder / "original").write_bytes(b"x")
        assert store.discard_scratch(50) == 0
        old = time.time() - 100
        for path in (folder / "original", folder):
            os.utime(path, (old, old))
        assert store.discard_scratch(50) == 1
        assert not (folder / "original").exists()
        folder.mkdir(exist_ok=True)


async def test_files_of_one_account_do_not_keep_others_waiting(store: MediaStore) -> None:
    done: list[int] = []

    async def decoded(account_id: int, seconds: float) -> None:
        data = wav_bytes(as_pcm(sound(seconds)))
        await uploads.keep_audio(store, io.BytesIO(data), account_id, Settings())
        done.append(account_id)

    many = [asyncio.create_task(decoded(7, 60)) for _ in range(3)]
    async with asyncio.timeout(30):
        await _all_wait(store, len(many))
    await asyncio.gather(decoded(8, 1), *many)
    assert 8 in done[:2]


async def _all_wait(store: MediaStore, files: int) -> None:
    while True:
        if len(list(store.folder.rglob("original"))) == files:
            return
        await asyncio.sleep(0)
