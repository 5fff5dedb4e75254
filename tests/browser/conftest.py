"""A demo of its own, empty at first, and a real browser that opens its pages."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright import sync_api as playwright

from candlewick.local import ports, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from tests.conftest import PORTS, temporary_home
from tests.platform import await_up
from tests.waiting import until

CANDLEWICK = Path(sys.executable).with_name("candlewick")
FRONT = Path(__file__).parents[2] / "web" / "front"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 420
DEADLINE_MS = 60_000

# What a browser says of a request that failed; a test that stops a server expects it.
FAILED_REQUEST = "Failed to load resource"


@dataclass(frozen=True)
class Demo:
    """`candlewick up --demo --detach`, with nothing collected yet."""

    home: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        base = int(self.environment["CANDLEWICK_PORT_BASE"])
        return Settings(_env_file=None, home=self.home, port_base=base, demo=True)  # type: ignore[call-arg]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.ports.web}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CANDLEWICK, *arguments], env=self.environment,
            capture_output=True, text=True, check=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def pid_of(self, program: str) -> int:
        return supervisor.states(Home(self.home))[program].pid

    @contextmanager
    def stopped(self, program: str) -> Iterator[None]:
        """Inside the block a program and its children stand still; afterwards they go on."""
        root = psutil.Process(self.pid_of(program))
        family = [root, *root.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(family):
                if process.is_running():
                    process.resume()

    def restart(self, program: str) -> None:
        """Kills a program, and waits until all is up again: the strip may still show what it saw before."""
        before = self.pid_of(program)
        os.kill(before, signal.SIGKILL)
        until(f"{program} is started again", lambda: self.pid_of(program) not in {0, before}, 120)
        await_up(self.settings)


@pytest.fixture(scope="session")
def built_page() -> None:
    """The page as `make setup` builds it."""
    if (FRONT / "dist" / "index.html").is_file():
        return
    if shutil.which("npm") is None:
        pytest.skip("the page is not built, and there is no npm: make setup")
    for command in (["npm", "ci"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=FRONT, check=True, capture_output=True, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def demo(built_page: None) -> Iterator[Demo]:
    with temporary_home() as home:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CANDLEWICK_")},
            "CANDLEWICK_DEMO": "1",
            "CANDLEWICK_HOME": str(home),
            "CANDLEWICK_PORT_BASE": str(ports.free_base(PORTS)),
            "CANDLEWICK_DEFAULT_SERIES": "",
        }
        mine = Demo(home, environment)
        try:
            mine.run("up", "--detach")
            yield mine
        finally:
            mine.run("down")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as running:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        executable = found or running.chromium.executable_path
        if not Path(executable).exists():
            pytest.skip("there is no Chromium: apt-get install chromium, or playwright install chromium")
        # Chromium's sandbox needs what containers and root do not have; the pages here are our own.
        started = running.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Tab:
    """A page of the browser, and what its console said."""

    page: playwright.Page
    said: list[str]

    def complaints(self) -> list[str]:
        """What the console said, without requests that failed."""
        return [one for one in self.said if FAILED_REQUEST not in one]


@contextmanager
def window(browser: playwright.Browser, demo: Demo) -> Iterator[Callable[[], Tab]]:
    """A window on the demo; called, it opens a tab."""
    context = browser.new_context(
        base_url=demo.url, viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(DEADLINE_MS)

    def opened() -> Tab:
        tab = Tab(context.new_page(), [])
        tab.page.on(
            "console",
            lambda message: tab.said.append(f"{message.type}: {message.text} ({message.location['url']})"),
        )
        tab.page.on("pageerror", lambda error: tab.said.append(f"error: {error}"))
        return tab

    yield opened
    context.close()


@pytest.fixture
def new_tab(browser: playwright.Browser, demo: Demo) -> Iterator[Callable[[], Tab]]:
    """Opens tabs of one window; all close with the test."""
    with window(browser, demo) as opened:
        yield opened


@pytest.fixture
def tab(new_tab: Callable[[], Tab]) -> Iterator[Tab]:
    """A tab whose console must stay empty."""
    opened = new_tab()
    yield opened
    assert opened.said == []


@pytest.fixture
def tab_in_trouble(new_tab: Callable[[], Tab]) -> Iterator[Tab]:
    """A tab of a test that stops something: its requests may fail, its scripts may not."""
    opened = new_tab()
    yield opened
    assert opened.complaints() == []


def part_is(tab: Tab, part: str, *states: str) -> Callable[[], bool]:
    """Whether a part of the health strip shows one of these states."""
    shown = tab.page.locator(f'.health [data-part="{part}"]')

    def look() -> bool:
        # Time passes for Playwright in its own calls only.
        tab.page.wait_for_timeout(200)
        return shown.count() == 1 and shown.get_attribute("data-state") in states

    return look


def await_part(tab: Tab, part: str, *states: str, seconds: float = 240) -> None:
    until(f"{part} is shown as {' or '.join(states)}", part_is(tab, part, *states), seconds)
