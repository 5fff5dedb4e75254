"""A demo as people meet it: an instrument is added by the command, and its chart opened in a browser.

Adding is timed from the command's start to its end, while nothing else is going on; its limit is Dagster
reading its definitions anew, which is one of its steps. A page is timed by the browser itself, from the start
of the navigation until bars are drawn; its limit is a picture of a line of text by the same server.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from playwright import sync_api as playwright

from benchmarks import platform
from benchmarks.figure import Figure
from candlewick.dagster_client import DagsterClient, dagster_url
from candlewick.local import programs
from candlewick.settings import Settings

COMMAND = Path(sys.executable).with_name("candlewick")
SYMBOLS = ("AUDCAD", "GBPCAD", "EURCAD")
LOADS = 9
QUIET_PERCENT = 35.0
PATIENCE_S = 300
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRAWN = 'main.chart[data-loading="false"] .legend h1'

_NOTE = f"""
new MutationObserver((_, observer) => {{
  if (document.querySelector({DRAWN!r}) === null) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => {{ window.drawnAt = performance.now(); }}));
}}).observe(document, {{ subtree: true, childList: true, attributes: true }});
"""


def run() -> Iterator[Figure]:
    with platform.started(demo=True) as settings:
        yield _adding(settings)
        _await_quiet()
        yield from _opening(settings)


def _adding(settings: Settings) -> Figure:
    environment = {**os.environ, **programs.environment(settings)}
    seconds: list[float] = []
    reloads: list[float] = []
    first_bars = 0.0
    with DagsterClient(dagster_url(settings)) as dagster:
        for symbol in SYMBOLS:
            _await_quiet()
            began = time.perf_counter()
            dagster.reload()
            reloads.append(time.perf_counter() - began)
            _await_quiet()
            began = time.perf_counter()
            subprocess.run([COMMAND, "add", symbol], env=environment, check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
            first_bars = first_bars or _await_bars(settings, symbol.lower(), began)
    return Figure(
        "demo, add",
        statistics.median(seconds),
        "s",
        statistics.median(reloads),
        "lower",
        {
            "least": round(min(seconds), 2),
            "most": round(max(seconds), 2),
            "first_bars_s": round(first_bars, 1),
        },
    )


def _await_bars(settings: Settings, symbol: str, began: float) -> float:
    """Seconds until the chart has something to draw."""
    url = f"http://127.0.0.1:{settings.ports.web}/api/chart/{symbol}/span"
    while time.perf_counter() - began < PATIENCE_S:
        answer = httpx.get(url, trust_env=False)
        if answer.status_code == httpx.codes.OK and answer.json()["first_us"] is not None:
            return time.perf_counter() - began
        time.sleep(0.1)
    raise TimeoutError(f"{symbol} has no bars after {PATIENCE_S} s")


def _await_quiet() -> None:
    """Until what the last addition has set going is over."""
    deadline = time.monotonic() + PATIENCE_S
    calm = 0
    while calm < 3:
        calm = calm + 1 if psutil.cpu_percent(2) < QUIET_PERCENT else 0
        if time.monotonic() > deadline:
            raise TimeoutError(f"the machine is never below {QUIET_PERCENT:.0f} % for six seconds")


def _opening(settings: Settings) -> Iterator[Figure]:
    url = f"http://127.0.0.1:{settings.ports.web}"
    first: list[float] = []
    again: list[float] = []
    floor: list[float] = []
    with playwright.sync_playwright() as running:
        found = next(filter(None, map(shutil.which, BROWSERS)), running.chromium.executable_path)
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for _ in range(LOADS):
            # A window of its own: nothing is remembered.
            window = browser.new_context(viewport={"width": 1280, "height": 800})
            page = window.new_page()
            page.goto(f"{url}/favicon.svg")
            floor.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd"))
            page.add_init_script(_NOTE)
            for times in (first, again):
                page.goto(f"{url}/?s={SYMBOLS[0].lower()}")
                page.locator(DRAWN).wait_for()
                page.wait_for_timeout(300)
                times.append(page.evaluate("() => window.drawnAt"))
            window.close()
        browser.close()
    limit = statistics.median(floor)
    for name, times in (("demo, page, first time", first), ("demo, page, again", again)):
        detail: dict[str, object] = {"least": round(min(times)), "most": round(max(times))}
        yield Figure(name, statistics.median(times), "ms", limit, "lower", detail)
