"""What the demo shows in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ghanti.demo.campaign import Progress
from ghanti.demo.proof import OTHER_AT_MOST, OWN_AT_LEAST, Evidence
from ghanti.simulator.behaviour import describe

_SHOWN = (
    "not started",
    "dialing",
    "ringing",
    "answered",
    "completed",
    "hungup",
    "unanswered",
    "failed",
    "terminated",
)
_LINES_BETWEEN = 10


class DemoView:
    def __init__(self) -> None:
        self.console = Console()

    def step(self, text: str) -> None:
        self.console.print(f"[bold cyan]›[/] {text}")

    def follow(self, updates: Iterable[Progress]) -> Progress:
        """Show progress as it comes: in place on a terminal, a line now and then elsewhere."""
        last: Progress | None = None
        if self.console.is_terminal:
            with Live(console=self.console, refresh_per_second=8) as live:
                for last in updates:
                    live.update(_picture(last))
        else:
            said = -_LINES_BETWEEN
            for last in updates:
                if last.percent - said >= _LINES_BETWEEN or last.status != "Running":
                    said = last.percent
                    self.console.print(f"  {last.percent:3} %  {_counts(last)}")
        assert last is not None
        return last

    def outcomes(self, progress: Progress) -> None:
        meanings = {row.digits: row.meaning for row in describe() if row.channel == "call"}
        groups: dict[tuple[str, str], list[dict[str, object]]] = {}
        for contact in progress.contacts:
            number = str(contact["number"])
            meaning = meanings.get(number[-2:], meanings["any other"])
            groups.setdefault((meaning, str(contact["status"])), []).append(contact)
        table = Table(title="What became of the calls", title_justify="left")
        for title in ("phone", "outcome", "contacts", "heard", "longest", "credits"):
            table.add_column(title, justify="left" if title in ("phone", "outcome") else "right")
        for (meaning, status), contacts in sorted(groups.items(), key=lambda item: -len(item[1])):
            heard = sorted(int(str(c["playback"])) for c in contacts if c["playback"] != "")
            table.add_row(
                meaning,
                status,
                str(len(contacts)),
                _span(heard),
                max((str(c["call_duration"]) for c in contacts), key=lambda text: int(text[:-1])),
                str(sum(int(str(c["credit_consumed"])) for c in contacts)),
            )
        self.console.print(table)

    def evidence(self, evidence: Evidence) -> None:
        table = Table(title="Proof, from the phones' own recordings", title_justify="left")
        for title in ("phone", "whose message", "like its own", "like another's"):
            table.add_column(title, justify="right" if title.startswith("like") else "left")
        for item in sorted(evidence.heard, key=lambda heard: heard.own)[:5]:
            table.add_row(
                item.person.number,
                f"{item.person.name}, रु. {item.person.amount}"
                + ("" if item.to_the_end else " (hung up half-way)"),
                f"{item.own:.3f}",
                f"{item.other:.3f}",
            )
        table.caption = f"the {min(5, len(evidence.heard))} least alike of {len(evidence.heard)}"
        self.console.print(table)
        worst, best = (
            min((h.own for h in evidence.heard), default=0.0),
            max((h.other for h in evidence.heard), default=1.0),
        )
        self._verdict(
            evidence.all_heard,
            f"{len(evidence.heard)} of {evidence.expected_answers} answered phones heard their own message: "
            f"correlation at least {worst:.3f} (> {OWN_AT_LEAST}), "
            f"with another's at most {best:.3f} (< {OTHER_AT_MOST})",
        )
        self._verdict(not evidence.called_twice, f"{evidence.invites} calls placed, nobody called twice")
        self._verdict(
            not evidence.wrong_texts, f"{evidence.texts} texts arrived, each with its own name and amount"
        )

    def _verdict(self, holds: bool, text: str) -> None:
        self.console.print(f"  {'[green]✓[/]' if holds else '[bold red]✗[/]'} {text}")

    def files(self, report: Path, wav: Path) -> None:
        self.console.print(f"  report     {report}", soft_wrap=True)
        self.console.print(f"  listen to  {wav}", soft_wrap=True)


def _picture(progress: Progress) -> Group:
    bar = ProgressBar(total=100, completed=progress.percent, width=50)
    head = Text(f"{progress.status}  {progress.percent} %  credits spent: {progress.credits}")
    return Group(head, bar, Text(_counts(progress)))


def _counts(progress: Progress) -> str:
    counts = Counter(str(contact["status"]) for contact in progress.contacts)
    return "  ".join(f"{name} {counts[name]}" for name in _SHOWN if counts[name])


def _span(heard: list[int]) -> str:
    if not heard:
        return "–"
    return f"{heard[0]} %" if heard[0] == heard[-1] else f"{heard[0]}–{heard[-1]} %"
