"""Values made to hurt: each is refused with an error of the API's shape, none with a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api_world import Tenant, assert_error

DEEP = b"[" * 900 + b"]" * 900


def _is_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in (statuses or (400,)), answer.text[:300]
    assert_error(answer)
    assert len(answer.content) < 20_000


async def _post(tenant: Tenant, path: str, content: bytes) -> httpx.Response:
    return await tenant.http.post(path, content=content, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("field", ["draft", "services", "category", "length_factor", "name", "voice"])
async def test_deep_nesting(tenant: Tenant, field: str) -> None:
    fields = {"name": b'"x"', "services": b'"PHONE"', "user_phone": b"[]", "message": b'"y"', field: DEEP}
    content = b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in fields.items()) + b"}"
    _is_refused(await _post(tenant, "campaign/create/", content))


@pytest.mark.parametrize("nul", [b"0", b'"\\u0000"'])
@pytest.mark.parametrize("depth", [60, 250, 253, 254, 700])
async def test_deep_variables(tenant: Tenant, depth: int, nul: bytes) -> None:
    campaign = await tenant.create()
    deep = b"[" * depth + nul + b"]" * depth
    for content in (
        b'{"number": "9841000001", "other_variables": {"v": %s}}' % deep,
        b'{"contacts": [{"number": "9841000001", "other_variables": {"v": %s}}]}' % deep,
        b'{"contacts": [{"number": %s}]}' % deep,
        b'{"number": "9841000001", "other_variables": "{\\"v\\": %s}"}' % deep.replace(b'"\\u0000"', b"0"),
    ):
        answer = await _post(tenant, f"campaign/{campaign['id']}/add-contact/", content)
        if answer.status_code >= 300:
            _is_refused(answer)


async def test_deep_attributes(tenant: Tenant) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    for depth in (253, 254, 500):
        content = b'{"v": ' + b"[" * depth + b"]" * depth + b"}"
        answer = await tenant.http.patch(f"campaign/{contact['id']}/attributes/", content=content)
        _is_refused(answer)


@pytest.mark.parametrize("number", ["1E" + "9" * 5000, "9" * 5000 + ".0", "9" * 5000, "1.5e" + "9" * 4400])
async def test_endless_numbers(tenant: Tenant, number: str) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    _is_refused(await tenant.http.post(path, json={"number": number}))
    _is_refused(await tenant.http.post(path, json={"contacts": [{"number": number}]}))
    file = {"bulk_file": ("c.csv", f"number,name\n{number},x\n".encode())}
    answer = await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    _is_refused(answer)
    assert "digits" in answer.text or "longer" in answer.text


@pytest.mark.parametrize("digits", [19, 20, 40, 4301, 20_000])
async def test_endless_ids(tenant: Tenant, digits: int) -> None:
    many = "9" * digits
    for path in ("campaign/{}/", "campaign/{}/attributes/", "campaign-detail/{}/", "download/{}/report/"):
        _is_refused(await tenant.http.get(path.format(many)), 404)
    _is_refused(await tenant.http.post(f"run-campaign/{many}/"), 404)


@pytest.mark.parametrize("page", ["9" * 17, "9" * 18])
async def test_pages_beyond_any_row(tenant: Tenant, page: str) -> None:
    answer = await tenant.http.get("campaign/", params={"page": page, "limit": "100"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"] == []


@pytest.mark.parametrize("value", ["9" * 5000, "-1", "NaN", "1e400", "²", "\0", "0x10", "' OR 1=1--"])
async def test_hostile_queries(tenant: Tenant, value: str) -> None:
    for name in ("limit", "offset", "page", "from_date", "to_date", "status", "draft"):
        _is_refused(await tenant.http.get("campaign/", params={name: value}))


async def test_more_ids_than_a_statement_may_have(tenant: Tenant) -> None:
    body = {"name": "x", "services": "PHONE", "message": "y", "user_phone": list(range(1, 70_000))}
    _is_refused(await tenant.http.post("campaign/create/", json=body))


async def test_long_values_are_not_echoed(tenant: Tenant) -> None:
    long = "x" * 1_000_000
    campaign = await tenant.create()
    _is_refused(await tenant.http.patch(f"campaign/{campaign['id']}/", json={"voice": long}))
    path = f"campaign/{campaign['id']}/add-contact/"
    _is_refused(await tenant.http.post(path, json={"contacts": [{"number": long}]}))
    _is_refused(await tenant.http.post(path, json={"contacts": [{"number": {"a": long}}]}))


@pytest.mark.parametrize("host", ["[", "a b", "é", "x" * 5000, "[::1", "a:b:c", "//"])
async def test_hostile_hosts(tenant: Tenant, host: str) -> None:
    await tenant.create()
    await tenant.create()
    for method, path in (("GET", "campaign/?limit=1"), ("POST", "auths/login/")):
        headers = {"Host": host.encode(), "Origin": b"http://[x"}
        answer = await tenant.http.request(method, path, headers=headers)
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "x", "²"])
async def test_hostile_lengths(tenant: Tenant, length: str) -> None:
    answer = await tenant.http.post(
        "campaign/create/", content=b"{}", headers={"Content-Length": length.encode()}
    )
    assert answer.status_code in (400, 413), answer.text


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary*=utf-8''%ff",
        "multipart/form-data; boundary*0*=x; boundary*1=y",
        'multipart/form-data; boundary="a\\"b"',
        "multipart/form-data; boundary=" + "x" * 5000,
        "multipart/form-data; boundary=é",
        "application/json; charset=nonsense",
        ";;;=",
        "é",
    ],
)
async def test_hostile_media_types(tenant: Tenant, kind: str) -> None:
    headers = {"Content-Type": kind.encode()}
    for content in (b"--\r\n", b"-", b"--x\r\n\r\n", b'--"\r\nA: b\r\n\r\n--"--', b"\r\n--x--"):
        answer = await tenant.http.post("campaign/create/", content=content, headers=headers)
        _is_refused(answer, 400, 415)


async def test_body_that_comes_in_single_bytes(tenant: Tenant) -> None:
    campaign = await tenant.create()
    whole = b'--b\r\nContent-Disposition: form-data; name="number"\r\n\r\n9841000001\r\n--b--\r\n'

    async def trickle() -> Any:
        for index in range(len(whole)):
            yield whole[index : index + 1]

    answer = await tenant.http.post(
        f"campaign/{campaign['id']}/add-contact/",
        content=trickle(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 201, answer.text


async def test_message_of_more_tags_than_a_contact_has_variables(tenant: Tenant) -> None:
    campaign = await tenant.ready(message="".join(f"{{t{n}}}" for n in range(201)))
    answer = await tenant.run(campaign["id"])
    _is_refused(answer)
    assert "at most 200" in answer.json()["message"]
