"""The supervisor, with children that start, crash, linger and leave children of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ghanti.supervisor.launch import main as launch
from ghanti.supervisor.output import LineReader, LogFile
from ghanti.supervisor.role import Role, in_order
from ghanti.supervisor.spawn import launch_command
from ghanti.supervisor.status import status_file
from ghanti.supervisor.supervisor import Supervisor
from processes import END_SECONDS, alive, eventually

_PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from ghanti.supervisor.role import Role
from ghanti.supervisor.supervisor import Supervisor
folder = Path(sys.argv[1])
def python(code):
    return [sys.executable, "-S", "-c", "import os, signal, sys, time\\n" + code]
LINGER = '''
def end(*_):
    print("drained", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: signal.pause()
'''
STUBBORN = '''
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True: signal.pause()
'''
def announce():
    (folder / "all-ready").touch()
def supervise(*roles):
    sys.exit(Supervisor(roles, folder, on_ready=announce).run())
"""


class Supervised:
    """A supervisor in a process of its own, with the roles that ``code`` gives it."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PRELUDE + code, str(folder)], stderr=subprocess.PIPE, text=True
        )
        self.said = ""

    def roles(self) -> dict[str, dict[str, object]]:
        try:
            return json.loads(status_file(self.folder).read_text())["roles"]
        except FileNotFoundError:
            return {}

    def pid(self, name: str) -> int:
        pid = self.roles()[name]["pid"]
        assert isinstance(pid, int)
        return pid

    def until_ready(self) -> None:
        eventually((self.folder / "all-ready").exists)

    def log(self, name: str) -> str:
        return (self.folder / "log" / f"{name}.log").read_text()

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.said = self.process.communicate(timeout=END_SECONDS)[1]
        return self.process.returncode


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[str], Supervised]]:
    started: list[Supervised] = []

    def start(code: str) -> Supervised:
        started.append(Supervised(tmp_path, code))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.kill()
            supervised.wait()


def test_starts_in_order_and_drains_in_reverse(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise(
        "supervise(Role('second', python(LINGER), ready='up', after=['once']),"
        " Role('once', python('print(1)'), restart=False, after=['first']),"
        " Role('first', python(LINGER), ready='up'))"
    )
    supervised.until_ready()
    assert {name: role["state"] for name, role in supervised.roles().items()} == {
        "first": "ready",
        "once": "ended",
        "second": "ready",
    }
    assert supervised.end(signal.SIGTERM) == 0
    lines = supervised.said.splitlines()
    expected = ["first: up", "once: 1", "second: up", "second: drained", "first: drained"]
    assert [line for line in lines if not line.startswith("supervisor:")] == expected
    assert supervised.log("first") == "up\ndrained\n"
    assert not status_file(supervised.folder).exists()


def test_a_killed_role_starts_again_and_its_children_are_gone(
    supervise: Callable[[str], Supervised],
) -> None:
    code = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n"
        "print('child', child.pid, flush=True)\nprint('up', flush=True)\nsignal.pause()"
    )
    supervised = supervise(f"supervise(Role('parent', python({code!r}), ready='up'))")
    supervised.until_ready()
    first = supervised.pid("parent")
    child = int(supervised.log("parent").split()[1])
    assert alive(child)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: supervised.log("parent").count("up") == 2)
    eventually(lambda: not alive(child))
    assert supervised.pid("parent") != first
    assert supervised.roles()["parent"]["restarts"] == 1
    assert supervised.end(signal.SIGTERM) == 0
    assert "parent ended by SIGKILL" in supervised.said


def test_a_role_that_others_rely_on_is_restarted_even_in_a_drain(
    supervise: Callable[[str], Supervised],
) -> None:
    slow = LINGER_UNTIL_TOLD
    supervised = supervise(
        f"supervise(Role('base', python(LINGER), ready='up'),"
        f" Role('slow', python({slow!r}.format(folder)), ready='up', after=['base']))"
    )
    supervised.until_ready()
    supervised.process.send_signal(signal.SIGTERM)
    eventually(lambda: supervised.roles()["slow"]["state"] == "stopping")
    os.kill(supervised.pid("base"), signal.SIGKILL)
    eventually(lambda: supervised.log("base").count("up") == 2)
    (supervised.folder / "enough").touch()
    assert supervised.wait() == 0
    assert supervised.log("base").endswith("drained\n")


LINGER_UNTIL_TOLD = """
def end(*_):
    while not os.path.exists("{}/enough"): time.sleep(0.01)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: signal.pause()
"""


def test_a_role_that_never_gets_ready_ends_the_supervisor(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise(
        "supervise(Role('good', python(LINGER), ready='up'),"
        " Role('bad', python('sys.exit(7)'), ready='up', after=['good']))"
    )
    assert supervised.wait() == 1
    assert supervised.said.count("bad ended with 7") == 3
    assert "giving up, because bad would not run" in supervised.said
    assert supervised.log("good").endswith("drained\n")


def test_a_program_that_is_missing_is_named(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise("supervise(Role('bad', ['/nowhere/program'], ready='up'))")
    assert supervised.wait() == 1
    assert "bad: /nowhere/program: No such file or directory" in supervised.said


def test_a_second_signal_ends_what_does_not_drain(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise("supervise(Role('stubborn', python(STUBBORN), ready='up', grace=1000))")
    supervised.until_ready()
    supervised.process.send_signal(signal.SIGTERM)
    eventually(lambda: supervised.roles()["stubborn"]["state"] == "stopping")
    assert supervised.end(signal.SIGINT) == 128 + signal.SIGINT


def test_the_grace_has_an_end(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise("supervise(Role('stubborn', python(STUBBORN), ready='up', grace=0.1))")
    supervised.until_ready()
    assert supervised.end(signal.SIGTERM) == 0
    assert "stubborn is told to end at once, by SIGKILL" in supervised.said


def test_roles_end_when_the_supervisor_is_killed(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise("supervise(Role('role', python(LINGER), ready='up'))")
    supervised.until_ready()
    pid = supervised.pid("role")
    assert supervised.end(signal.SIGKILL) == -signal.SIGKILL
    eventually(lambda: not alive(pid))


def test_readiness_by_asking(supervise: Callable[[str], Supervised]) -> None:
    code = "open(sys.argv[1], 'w').close()\nsignal.pause()"
    supervised = supervise(
        f"mark = folder / 'mark'\nsupervise(Role('asked', [*python({code!r}), str(mark)], ready=mark.exists))"
    )
    supervised.until_ready()
    assert supervised.end(signal.SIGINT) == 0


def test_a_role_that_cannot_be_asked_counts_as_failed(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise(
        "def ready(): raise OSError('its file is gone')\n"
        "supervise(Role('good', python(LINGER), ready='up'),"
        " Role('bad', python(LINGER), ready=ready, after=['good']))"
    )
    assert supervised.wait() == 1
    assert "bad can't be asked whether it is ready: its file is gone" in supervised.said
    assert supervised.said.count("bad ended by SIGKILL") == 3
    assert "giving up, because bad would not run" in supervised.said
    assert supervised.log("good").endswith("drained\n")


def test_output_that_nobody_reads_stalls_no_role(supervise: Callable[[str], Supervised]) -> None:
    code = (
        "for n in range(20000): print('x' * 60)\nopen(sys.argv[1], 'w').close()\nprint('up')\nsignal.pause()"
    )
    supervised = supervise(
        f"supervise(Role('loud', [*python({code!r}), str(folder / 'written')], ready='up'))"
    )
    supervised.until_ready()
    assert (supervised.folder / "written").exists()
    assert supervised.log("loud").count("\n") == 20001
    assert supervised.end(signal.SIGTERM) == 0


def test_a_full_disk_ends_no_role(supervise: Callable[[str], Supervised]) -> None:
    supervised = supervise(
        "for name in ('log/loud.log', 'log/supervisor.log', 'run/supervisor.new'):\n"
        "    (folder / name).parent.mkdir(exist_ok=True)\n"
        "    (folder / name).symlink_to('/dev/full')\n"
        "supervise(Role('loud', python(LINGER), ready='up'))"
    )
    supervised.until_ready()
    assert supervised.end(signal.SIGTERM) == 0
    assert "loud: drained" in supervised.said


def test_where_the_kernel_does_not_watch_the_launcher_does(tmp_path: Path) -> None:
    # As on macOS: the launcher stays, passes signals on and ends its program with the parent.
    code = (
        "import os, sys; from ghanti.supervisor.launch import main\n"
        "sys.exit(main([str(os.getppid()), '9', '-', *sys.argv[1:]], kernel_watches=False))"
    )
    middle = (
        "import subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])\nsignal.pause()"
    )
    script = "echo $$ >pid.new; mv pid.new pid; exec sleep 1000"
    parent = subprocess.Popen([sys.executable, "-c", middle, code, "/bin/sh", "-c", script], cwd=tmp_path)
    eventually((tmp_path / "pid").exists)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    parent.kill()
    parent.wait()
    eventually(lambda: not alive(pid))


def test_the_watching_launcher_passes_signals_and_codes_on() -> None:
    def run(script: str) -> int:
        code = (
            "import os, sys; from ghanti.supervisor.launch import main\n"
            "program = ['/bin/sh', '-c', sys.argv[1]]\n"
            "sys.exit(main([str(os.getppid()), '9', '-', *program], kernel_watches=False))"
        )
        return subprocess.run([sys.executable, "-c", code, script], check=False).returncode

    assert run("exit 3") == 3
    assert run("kill -9 $$") == 128 + signal.SIGKILL
    assert run("trap 'exit 5' TERM; kill -TERM $PPID; while :; do sleep 0.05; done") == 5


def test_a_parent_that_ended_before_it_was_watched() -> None:
    with pytest.raises(SystemExit) as ended:
        launch(["1", str(int(signal.SIGCONT)), "-", "/bin/true"], kernel_watches=True)
    assert ended.value.code == 125


def test_starting_from_another_thread_is_refused() -> None:
    code = (
        "import threading; from ghanti.supervisor.spawn import launch_command\n"
        "def refused():\n"
        "    try: launch_command(['true'])\n"
        "    except RuntimeError as error: print(error)\n"
        "thread = threading.Thread(target=refused); thread.start(); thread.join()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "main thread" in done.stdout
    assert launch_command(["true"])[-1].endswith("/true")


def test_roles_that_could_never_start_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wait for each other or for a stranger: a, b"):
        in_order([Role("a", ["x"], after=["b"]), Role("b", ["x"], after=["a"])])
    with pytest.raises(ValueError, match="stranger: a"):
        Supervisor([Role("a", ["x"], after=["nobody"])], tmp_path)
    with pytest.raises(ValueError, match="same name"):
        in_order([Role("a", ["x"]), Role("a", ["y"])])


def test_a_log_rotates_by_size(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", limit=20)
    for number in range(5):
        log.write(b"line %d" % number)
    log.close()
    assert (tmp_path / "a.log").read_text() == "line 4\n"
    assert (tmp_path / "a.log.1").read_text() == "line 2\nline 3\n"
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600


def test_lines_come_whole_and_endless_ones_in_pieces() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    lines = LineReader(reader)
    os.write(writer, b"one\ntw")
    assert lines.read() == ([b"one"], False)
    assert lines.read() == ([], False)
    os.write(writer, b"o\n" + b"x" * 20000)
    assert lines.read() == ([b"two", b"x" * 20000], False)
    os.write(writer, b"rest")
    os.close(writer)
    assert lines.read() == ([], False)
    assert lines.read() == ([b"rest"], True)
    lines.close()
