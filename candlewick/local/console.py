"""A start, a stop or a download as a user sees it."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


def new_console(*, stderr: bool = False) -> Console:
    """Lines of a file or pipe are as long as they are."""
    console = Console(stderr=stderr, soft_wrap=True)
    return console if console.is_terminal else Console(stderr=stderr, soft_wrap=True, width=240)


class ConsoleReport:
    """A start as a user sees it: a spinner and times on a terminal, a line per step elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        with self._console.status(name):
            yield
        self._console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - begun:.1f} s[/]", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(f"[yellow]•[/] {text}", highlight=False)

    @contextlib.contextmanager
    def transfer(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        begun = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True) as progress:
            task = progress.add_task(name, total=total)
            yield lambda count: progress.advance(task, count)
        self._console.print(
            f"[green]✓[/] {name} [dim]{total / 1e6:.0f} MB in {time.monotonic() - begun:.1f} s[/]",
            highlight=False,
        )
