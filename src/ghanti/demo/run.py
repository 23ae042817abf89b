"""The demo, step by step."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from rich.markup import escape

from ghanti.database.errors import DataFolderInUse, EmbeddedServerError
from ghanti.demo.campaign import DemoCampaign
from ghanti.demo.people import people, write_workbook
from ghanti.demo.proof import gather
from ghanti.demo.server import DemoError, DemoServer
from ghanti.demo.view import DemoView

FOLDER = Path("data") / "demo"
EMAIL, PASSWORD = "demo@ghanti.example", "ghanti-demo-1"
_RECEIPT_SECONDS = 10
_POLL_SECONDS = 0.5


def run(*, keep: bool) -> int:
    """Answers the exit code: 0 when every proof holds."""
    view = DemoView()
    server = DemoServer(FOLDER.resolve())
    left = False
    try:
        holds = _run(view, server)
        left = keep and holds
        if left:
            _leave(view, server)
    except (DemoError, DataFolderInUse, EmbeddedServerError, httpx.HTTPError) as error:
        view.console.print("[bold red]error:[/]", escape(str(error)), highlight=False)
        holds = False
    except KeyboardInterrupt:
        holds = False
    finally:
        if not left:
            server.stop()
    return 0 if holds else 1


def _run(view: DemoView, server: DemoServer) -> bool:
    view.step("starting PostgreSQL, API, engine, voice, SMS, speech, and a bank of simulated phones")
    server.start()
    server.wait_ready()
    account = _ghanti(
        server, "account", "create", EMAIL, "--password", PASSWORD, *("--phone-credits", "500"),
        *("--sms-credits", "500"),
    )  # fmt: skip
    _ghanti(server, "number", "add", "+97715970425", "--shared")
    _ghanti(server, "number", "add", "+97715970969", "--account", str(account["account_id"]))
    everybody = people()
    workbook = server.folder / "contacts.xlsx"
    write_workbook(workbook, everybody)
    campaign = DemoCampaign(server.url, account["api_token"])
    campaign.create()
    view.step(f"campaign {campaign.id} is made, voice {campaign.voice['voice_display_name']}")
    preview = campaign.upload(workbook)
    view.step(
        f"{workbook.name}: {preview['total_validated_rows']} contacts, {len(preview['error_list'])} bad rows"
    )
    view.step(campaign.run()["message"])
    last = view.follow(campaign.watch())
    view.outcomes(last)
    report = server.folder / "report.csv"
    view.step("waiting for the last delivery receipts")
    _await_receipts(campaign, report)
    evidence = gather(server.folder / "simulator", server.folder / "media", everybody, campaign.voice["id"])
    view.evidence(evidence)
    view.console.print(f"  credits spent: {last.credits}; campaign {last.status.lower()}")
    wav = server.folder / "heard.wav"
    if whole := [item.wav for item in evidence.heard if item.to_the_end]:
        shutil.copyfile(whole[0], wav)
        view.files(report, wav)
    return evidence.holds and last.status == "Completed" and last.percent == 100


def _await_receipts(campaign: DemoCampaign, report: Path) -> None:
    """Fetch the report until it has the receipts; the last one stays when some are too late."""
    deadline = time.monotonic() + _RECEIPT_SECONDS
    while not _receipts_are_in(campaign, report) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _receipts_are_in(campaign: DemoCampaign, report: Path) -> bool:
    """All but the one phone whose receipt never comes."""
    campaign.report(report)
    with report.open(encoding="utf-8-sig", newline="") as file:
        states = [row["sms_status"] for row in csv.DictReader(file)]
    return states.count("awaited") <= 1


def _ghanti(server: DemoServer, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "ghanti.cli", *arguments, "--data", str(server.folder)],
        env=server.env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"ghanti {' '.join(arguments[:2])}: {done.stderr.strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _leave(view: DemoView, server: DemoServer) -> None:
    view.step("everything is left running")
    view.console.print(f"  API docs   {server.url}/api/v1/docs", soft_wrap=True)
    view.console.print(f"  log in as  {EMAIL} with {PASSWORD}", soft_wrap=True)
    view.console.print(f"  log        {server.log}", soft_wrap=True)
    view.console.print(f"  stop it    kill {server.pid}", soft_wrap=True)
