"""https: served by ``ghanti serve`` itself, with a certificate authority of the test's own."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tingting
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ghanti.tls import Certificate, CertificateError
from serving import EMAIL, PASSWORD, Served, run_ghanti


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def written(authority: trustme.CA, folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A new certificate and its key, as files."""
    issued = authority.issue_cert(name)
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return cert, key


@pytest.fixture(scope="module")
def secure(authority: trustme.CA) -> Iterator[Served]:
    """A served instance with a certificate, and an account."""
    with tempfile.TemporaryDirectory(prefix="ghanti-served-") as folder:
        Path(folder).chmod(0o711)
        cert, key = written(authority, Path(folder))
        options = ["--tls-cert", str(cert), "--tls-key", str(key)]
        served = Served(Path(folder) / "data", options=options, trust=trusting(authority))
        try:
            served.start()
            served.wait_ready()
            served.make_account()
            yield served
        finally:
            served.close()


def test_what_is_linked_to_is_https_and_plays(secure: Served) -> None:
    assert f"Ghanti is ready: {secure.url}/api/v1/docs" in secure.output.read_text()
    with secure.client() as http:
        body = {"name": "x", "services": "PHONE", "user_phone": [], "message": "नमस्ते"}
        campaigns = [http.post("campaign/create/", json=body).json() for _ in range(2)]
        page = http.get("campaign/", params={"limit": 1}).json()
        assert page["next"].startswith(f"{secure.url}/api/v1/campaign/?")
        assert len(http.get(page["next"]).json()["results"]) == 1
        spoken = http.post(f"test-speak/riri/{campaigns[0]['id']}/", json={"message": "नमस्ते"})
        assert spoken.text.startswith('"https://')
        answer = httpx.get(spoken.json(), verify=secure.verify)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")


def test_the_vendors_own_client_hears_a_message(
    secure: Served, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    client = tingting.TingTingClient(secure.url, secure.token)
    campaign = tingting.Campaign(client=client, name="client", message="नमस्ते", voiceId=1).create()
    url = client.post_data(f"api/v1/test-speak/riri/{campaign.id}/", {"voice_input": 1, "message": "नमस्ते"})
    assert str(url).startswith("https://")


def test_cookies_go_by_https_only(secure: Served) -> None:
    credentials = {"email": EMAIL, "password": PASSWORD}
    answer = httpx.post(f"{secure.url}/api/v1/auths/login/", json=credentials, verify=secure.verify)
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in cookies)


def test_nobody_is_answered_in_clear_text(secure: Served) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(secure.url.replace("https:", "http:") + "/healthz")
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(f"{secure.url}/healthz")


def refusal(folder: Path, *options: str) -> str:
    """What ``ghanti serve`` says when it refuses to begin; nothing was begun."""
    data = folder / "data"
    done = run_ghanti("serve", "--data", str(data), *options)
    assert done.returncode == 1
    assert not data.exists()
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_certificates_that_are_none(authority: trustme.CA, tmp_path: Path) -> None:
    cert, key = written(authority, tmp_path)
    missing, text, other = tmp_path / "missing.pem", tmp_path / "text.pem", tmp_path / "other"
    text.write_text("no certificate\n")
    other.mkdir()
    others_key = written(authority, other)[1]
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")
        )
    )
    for pair in [
        (missing, key),
        (cert, missing),
        (text, key),
        (cert, text),
        (cert, others_key),
        (cert, locked),
    ]:
        said = refusal(tmp_path, "--tls-cert", str(pair[0]), "--tls-key", str(pair[1]))
        assert any(str(path) in said for path in pair)


def test_options_that_make_no_sense(authority: trustme.CA, tmp_path: Path) -> None:
    cert, key = written(authority, tmp_path)
    assert "tls_cert" in refusal(tmp_path, "--tls-key", str(key))
    assert str(cert) in refusal(tmp_path, "--tls-cert", str(cert))
    for url in ("ghanti.example.com", "ftp://x", "https://", "https://x/?a=b"):
        assert "GHANTI_PUBLIC_URL" in refusal(tmp_path, "--public-url", url)
    assert "GHANTI_TRUSTED_PROXIES" in refusal(tmp_path, "--trusted-proxies", "10.0.0.0/33")


async def seen_by(port: int, trust: ssl.SSLContext) -> bool:
    """Whether a client who trusts this authority accepts the server."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    except ssl.SSLCertVerificationError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_a_renewed_certificate_is_taken_without_a_restart(tmp_path: Path) -> None:
    former, latter = trustme.CA(), trustme.CA()
    certificate = Certificate(*written(former, tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        assert await seen_by(port, trusting(former))
        assert not await certificate.renew(context)
        certificate.cert.write_bytes(b"half of")
        assert not await certificate.renew(context)
        assert await seen_by(port, trusting(former))
        written(latter, tmp_path)
        assert await certificate.renew(context)
        assert await seen_by(port, trusting(latter))
        assert not await seen_by(port, trusting(former))
        assert not await certificate.renew(context)
        certificate.cert.unlink()
        assert not await certificate.renew(context)
        with pytest.raises(CertificateError, match="there is no file"):
            certificate.check()


def test_key_and_certificate_in_one_file(tmp_path: Path) -> None:
    cert, key = written(trustme.CA(), tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    Certificate(both).check()
