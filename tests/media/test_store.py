import threading
from pathlib import Path

import pytest

from ghanti.media.store import BadKeyError, MediaStore


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def test_keeps_what_is_put(store: MediaStore) -> None:
    path = store.put("audio/3f/one.ulaw", b"\xff\x7f")
    assert path == store.path("audio/3f/one.ulaw")
    assert path.read_bytes() == b"\xff\x7f"
    assert store.exists("audio/3f/one.ulaw")
    assert store.size("audio/3f/one.ulaw") == 2


def test_replaces_and_deletes(store: MediaStore) -> None:
    store.put("a.wav", b"old")
    assert store.put("a.wav", b"newer").read_bytes() == b"newer"
    assert store.delete("a.wav")
    assert not store.delete("a.wav")
    assert store.size("a.wav") is None


def test_a_folder_is_no_file(store: MediaStore) -> None:
    store.put("audio/one.ulaw", b"x")
    assert not store.exists("audio")


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\0b", "a\\b", "a b", "a\n", "ग"],
)
def test_refuses_keys_that_lead_elsewhere(store: MediaStore, key: str) -> None:
    for method in (store.path, store.exists, store.delete, store.size):
        with pytest.raises(BadKeyError):
            method(key)
    with pytest.raises(BadKeyError):
        store.put(key, b"x")


def test_a_failed_write_leaves_nothing(store: MediaStore) -> None:
    (store.folder / "audio" / "taken").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        store.put("audio/taken", b"x")
    assert [path.name for path in (store.folder / "audio").iterdir()] == ["taken"]


def test_readers_never_see_a_part(store: MediaStore) -> None:
    contents = [bytes([value]) * 300_000 for value in range(8)]
    store.put("shared", contents[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(store.path("shared").read_bytes())

    def write(data: bytes) -> None:
        for _ in range(20):
            store.put("shared", data)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(data,)) for data in contents]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert seen
    assert seen <= set(contents)
