"""The main job over HTTP, step by step, as the vendor's documents tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api_world import Tenant, scalar
from ghanti.database.session import SessionFactory


async def test_campaign_from_workbook_to_report(
    tenant: Tenant, sessions: SessionFactory, workbook: Callable[..., bytes]
) -> None:
    campaign = await tenant.create(
        services="SMS & PHONE",
        message="नमस्ते {name}, तपाईंको रकम {amount} हो",
        sms_message="नमस्ते {name}, {amount}",
    )
    path = f"campaign/create/{campaign['id']}"
    step = await tenant.http.patch(f"{path}/message/", json={"voice": 3, "category": "Text"})
    assert step.status_code == 200, step.text

    rows: list[list[Any]] = [["name", "numbers", "amount"]]
    rows += [[f"राम {index}", 9841000000 + index, 100 + index] for index in range(40)]
    rows.append(["सीता", "12", 5])
    file = {"bulk_file": ("contacts.xlsx", workbook(rows))}
    preview = await tenant.http.patch(f"{path}/detail/", files=file)
    assert preview.status_code == 200, preview.text
    assert preview.json()["total_validated_rows"] == 40
    assert [error["row"] for error in preview.json()["error_list"]] == [42]

    run = await tenant.run(campaign["id"])
    assert run.status_code == 200, run.text
    assert run.json()["message"] == "Campaign Began Successfully!!"

    detail = await tenant.get(campaign["id"])
    assert detail["status"] == "Running"
    assert detail["campaign_action_count"] == 40
    targets = await scalar(sessions, "SELECT count(*) FROM targets")
    assert targets == 80

    page = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()
    assert page["count"] == 40
    assert len(page["results"]) == 10
    assert page["results"][0]["number"] == "9841000039"
    assert page["carrier_summary"] == {"NTC": 40}

    report = await tenant.http.get(f"download/report/{campaign['id']}/")
    assert report.status_code == 200
    lines = report.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("number,name,amount,status,")
    assert lines[1].startswith("9841000000,राम 0,100,not started,0s,0,,0,0,not started,NTC,0,,,")
    assert len(lines) == 41

    uploaded = await tenant.http.get((await tenant.get(campaign["id"]))["bulk_file"])
    assert uploaded.content == file["bulk_file"][1]
