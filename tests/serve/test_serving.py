"""``ghanti serve`` as an operator meets it: ready, one to a folder, as root and as anybody else."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ghanti.database.embedded import EmbeddedPostgres
from serving import Served, free_port, run_ghanti, wait_until

ROLES = {"postgresql", "phones", "smsc", "prepare", "voice", "dialler", "sms", "speech", "api"}
SHORT_OF_ROOT = "nobody"


@pytest.fixture
def fresh() -> Iterator[Served]:
    """A server of the test's own on a new folder, not started."""
    with tempfile.TemporaryDirectory(prefix="ghanti-served-") as folder:
        Path(folder).chmod(0o711)
        served = Served(Path(folder) / "data")
        yield served
        served.close()


def _as_user(user: pwd.struct_passwd) -> list[str]:
    """What runs a command as ``user``: still able to enter folders when Python is under a closed one."""
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    reaches = subprocess.run([*drop, "test", "-x", sys.executable], check=False)
    if reaches.returncode:
        drop += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return drop


def test_ready_means_that_every_part_is(served: Served) -> None:
    answer = httpx.get(f"{served.url}/healthz")
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "call": "ok", "sms": "ok", "speech": "ok"},
    }
    roles = served.status()["roles"]
    assert roles.keys() == ROLES
    assert {name: role["state"] for name, role in roles.items() if name != "prepare"} == dict.fromkeys(
        ROLES - {"prepare"}, "ready"
    )
    assert roles["prepare"]["state"] == "ended"


def test_one_line_says_where_it_is(served: Served) -> None:
    wait_until(lambda: "Ghanti is ready" in served.output.read_text(), "the line is printed")
    [line] = {line for line in served.output.read_text().splitlines() if "Ghanti is ready" in line}
    assert line == f"Ghanti is ready: {served.url}/api/v1/docs  (carrier: simulated)"
    assert httpx.get(f"{served.url}/api/v1/docs").status_code == 200


def test_a_second_server_on_the_folder_says_who_has_it(served: Served) -> None:
    second = run_ghanti("serve", "--data", str(served.data), "--port", str(free_port()))
    assert second.returncode == 1
    assert f"in use by process {served.status()['pid']}" in second.stderr
    assert "Traceback" not in second.stderr
    assert served.is_ready()


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""  # closed meanwhile


def test_no_process_has_the_lock_or_a_socket_of_the_supervisor(served: Served) -> None:
    """Roles that are forks close what they inherit; a lock among it would outlive a killed supervisor."""
    lock = str(served.data.resolve() / "ghanti.lock")
    holders = [
        role["pid"]
        for role in (served.status(), *served.status()["roles"].values())
        if role["pid"] and lock in {_target(fd) for fd in Path(f"/proc/{role['pid']}/fd").iterdir()}
    ]
    assert holders == [served.status()["pid"]]


@pytest.mark.parametrize("role", ["api", "speech"])
def test_any_role_that_ends_comes_back(served: Served, role: str) -> None:
    before = served.role(role)["restarts"]
    served.kill(role)
    served.wait_back(role)
    assert served.role(role)["restarts"] == before + 1


def test_a_port_that_is_taken_is_said_at_once(served: Served, fresh: Served) -> None:
    refused = run_ghanti("serve", "--data", str(fresh.data), "--port", str(served.port))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"error: the API cannot listen on 127.0.0.1, port {served.port}: Address already in use\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another user")
def test_as_an_ordinary_user(fresh: Served) -> None:
    user = pwd.getpwnam(SHORT_OF_ROOT)
    folder = fresh.data.parent
    os.chown(folder, user.pw_uid, user.pw_gid)
    served = Served(fresh.data, environment={"HOME": str(folder)}, launcher=_as_user(user))
    served.start()
    try:
        served.wait_ready()
        roles = served.status()["roles"]
        owners = {Path(f"/proc/{role['pid']}").stat().st_uid for role in roles.values() if role["pid"]}
        assert owners == {user.pw_uid}
        served.make_account()
    finally:
        served.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a folder that its database's user can't reach")
def test_as_root_under_a_closed_folder(fresh: Served) -> None:
    fresh.data.parent.chmod(0o700)
    fresh.start()
    try:
        fresh.wait_ready()
        fresh.make_account()
        assert fresh.data.parent.stat().st_mode & 0o777 == 0o700, "no folder above is opened to others"
        pids = [role["pid"] for role in fresh.status()["roles"].values() if role["pid"]]
        assert fresh.stop() == 0
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        assert not (fresh.data / "run" / "supervisor.json").exists()
        fresh.start()
        fresh.wait_ready()
        with fresh.connect() as database:
            assert database.execute("SELECT count(*) FROM accounts").fetchone() == (1,)
    finally:
        fresh.close()
        EmbeddedPostgres(fresh.data).remove()
