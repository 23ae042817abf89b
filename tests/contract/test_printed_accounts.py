"""The vendor's examples of conventions, credentials and caller numbers, and the errors they print."""

from __future__ import annotations

import httpx
import pytest
from printed import assert_like, curl, json_of

from api_world import PASSWORD, Tenant
from ghanti.database.session import SessionFactory, transaction
from ghanti.trunks.models import CallerNumber


async def test_create_with_a_name_alone(printed: Tenant) -> None:
    """The overview's command shows how to send JSON; what it sends lacks three required fields."""
    answer = await curl(
        printed,
        """curl --request POST \\
  --url https://app.tingting.io/api/v1/campaign/create/ \\
  --header 'Authorization: Bearer <your_api_token>' \\
  --header 'Content-Type: application/json' \\
  --data '{"name": "My Campaign"}'""",
    )
    assert answer.status_code == 400
    assert isinstance(answer.json()["message"], str)
    assert answer.json()["errors"].keys() == {"services", "user_phone", "message"}


async def test_message_and_data(campaign: Tenant) -> None:
    answer = await campaign.http.delete("campaign/79/")
    example = {"message": "Operation successful", "data": {}}
    assert_like(example, answer.json())


async def test_pages(printed: Tenant) -> None:
    for index in range(42):
        await printed.create(name=f"tax {index}")
    example = json_of("""{
  "count": 42,
  "total_pages": 5,
  "next": "https://app.tingting.io/api/v1/contacts/?limit=10&offset=10",
  "previous": null,
  "results": [
    { "id": 1, "name": "Ram Thapa" },
    { "id": 2, "name": "Sita Sharma" }
  ]
}""")
    answer = (await printed.http.get("campaign/")).json()
    assert_like(example, answer)
    assert (answer["count"], answer["total_pages"], answer["previous"]) == (42, 5, None)
    assert answer["next"] == f"{printed.http.base_url}campaign/?limit=10&offset=10"
    assert len(answer["results"]) == 10


async def test_refresh_without_a_token(printed: Tenant) -> None:
    absent = await printed.http.post("auths/login/refresh/")
    assert (absent.status_code, absent.json()) == (400, {"message": "No refresh token provided"})


async def test_refresh_with_a_damaged_token(printed: Tenant) -> None:
    damaged = await printed.http.post("auths/login/refresh/", headers={"Cookie": "refresh=not.a.token"})
    assert (damaged.status_code, damaged.json()) == (400, {"detail": "Invalid token payload."})


async def test_login_refresh_and_tokens(printed: Tenant, address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http:
        login = await http.post("auths/login/", json={"email": printed.email, "password": PASSWORD})
        assert login.status_code == 200
        assert login.json() == json_of('{"has_logged_in": true, "message": "Login Successful"}')
        cookies = login.headers.get_list("set-cookie")
        assert {cookie.partition("=")[0] for cookie in cookies} == {"access", "refresh"}
        assert all("HttpOnly" in cookie for cookie in cookies)
        refreshed = await http.post("auths/login/refresh/")
        assert refreshed.status_code == 200
        assert refreshed.json() == {"message": "Session Refreshed Successfully"}
        assert refreshed.cookies["access"]
        generated = await http.post("auths/generate-api-keys/")
    assert generated.status_code == 200
    assert list(generated.json()) == ["token", "message"]
    assert len(bytes.fromhex(generated.json()["token"])) == 32
    assert generated.json()["message"] == "New API token generated successfully"
    bearer = {"Authorization": f"Bearer {generated.json()['token']}"}
    await printed.http.get("voice-models/", headers=bearer)
    shown = await printed.http.get("auths/get-api-keys/", headers=bearer)
    example = json_of("""{"token": "39106a38ac483eb4625308fe98411588",
 "last_used": "2025-02-20T14:30:00.000Z", "created_at": "2025-03-14T14:30:00.000Z"}""")
    assert_like(example, shown.json())
    assert [len(shown.json()[key]) for key in ("last_used", "created_at")] == [24, 24]


async def test_profile(printed: Tenant) -> None:
    example = json_of("""{"id": 35, "user": {"first_name": "Ram", "last_name": "Thapa",
 "username": "ramthapa", "email": "ram@example.com"},
 "profile_picture": "https://app.tingting.io/media/account/1/202510200010/profile_image.jpg",
 "contact_no": "9808365218", "address": "Lalitpur", "is_verified_contact": true}""")
    answer = await printed.http.get("auths/user-profile/")
    assert answer.status_code == 200
    assert_like(example, answer.json())
    assert answer.json()["user"]["email"] == printed.email


@pytest.mark.parametrize(
    ("path", "shared"), [("active-broker-phone/", True), ("phone-number/active/", False)]
)
async def test_caller_numbers(
    printed: Tenant, other: Tenant, sessions: SessionFactory, path: str, *, shared: bool
) -> None:
    async with transaction(sessions) as session:
        session.add(CallerNumber(id=9, number="+97715970969", account_id=None))
    answer = await printed.http.get(path)
    assert answer.status_code == 200
    assert_like(json_of('[{"id": 1, "phone_number": "+97715970425"}]'), answer.json())
    ids = [row["id"] for row in answer.json()]
    assert sorted(ids) == ([9] if shared else sorted([3, *printed.phones]))
