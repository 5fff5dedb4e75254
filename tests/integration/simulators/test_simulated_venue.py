"""The simulator as a process, over real HTTP: answers, faults, clock, record of requests."""

import json
import lzma
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from simulators.dukascopy.export import export
from simulators.dukascopy.market import Market
from simulators.dukascopy.testing import SYNTHETIC, RunningVenue, running

NOW = "2024-03-06T12:00:00Z"
HOUR = "datafeed/EURUSD/2024/02/05/10h_ticks.bi5"
DAY = "datafeed/EURUSD/2024/02/05_ticks.bi5"
FEED = "v1/ticks/EUR-USD/2024/3/5/10"
MINUTES = "v1/candles/minute/EUR-USD/BID/2024/3/5"
SUNDAY = "datafeed/EURUSD/2024/02/03/10h_ticks.bi5"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningVenue]:
    with running(SYNTHETIC, "--now", NOW, "--ticks-a-day", "2000") as venue:
        yield venue


@pytest.fixture
def venue(started: RunningVenue) -> RunningVenue:
    """A sound venue that nobody has asked yet."""
    return started.set_faults().set_clock(NOW).reset_requests()


def get(venue: RunningVenue, path: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.get(f"{venue.url}/{path}", headers={k.replace("_", "-"): v for k, v in headers.items()})


def body(venue: RunningVenue, path: str) -> bytes:
    answer = get(venue, path)
    assert answer.status_code == 200, path
    return answer.content


class TestSound:
    def test_both_families_with_and_without_their_prefix(self, venue: RunningVenue) -> None:
        assert len(lzma.decompress(body(venue, HOUR))) % 20 == 0
        assert body(venue, HOUR.removeprefix("datafeed/")) == body(venue, HOUR)
        assert len(lzma.decompress(body(venue, DAY))) > len(lzma.decompress(body(venue, HOUR)))
        feed = json.loads(body(venue, FEED))
        assert len(feed["times"]) * 20 == len(lzma.decompress(body(venue, HOUR)))
        assert json.loads(body(venue, MINUTES))["shift"] == 60_000

    def test_headers_let_a_client_compare(self, venue: RunningVenue) -> None:
        answer = get(venue, HOUR)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert int(answer.headers["content-length"]) == len(answer.content) > 0
        assert answer.headers["last-modified"] == "Tue, 05 Mar 2024 11:05:00 GMT"
        again = get(venue, HOUR, if_none_match=answer.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert get(venue, FEED).headers["content-type"] == "application/json"

    def test_head_is_get_without_the_body(self, venue: RunningVenue) -> None:
        with httpx.Client(trust_env=False) as client:
            answer = client.head(f"{venue.url}/{HOUR}")
            missing = client.head(f"{venue.url}/{HOUR}x")
        assert answer.content == b""
        assert int(answer.headers["content-length"]) == len(body(venue, HOUR))
        assert answer.headers["etag"] == get(venue, HOUR).headers["etag"]
        assert missing.status_code == 404

    def test_a_shut_hour_is_200_without_bytes(self, venue: RunningVenue) -> None:
        answer = get(venue, SUNDAY)
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")

    @pytest.mark.parametrize(
        "path", ["", "nothing", "datafeed/EURUSD/2024/03", "v1/ticks/EURUSD/2024/3/5/10", "v1/nothing"]
    )
    def test_other_paths_are_404_as_nginx_says_it(self, venue: RunningVenue, path: str) -> None:
        answer = get(venue, path)
        assert answer.status_code == 404
        assert answer.headers["server"] == "nginx"
        assert "<center>nginx</center>" in answer.text

    def test_no_path_leaves_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("x")
        inside = tmp_path / "venue"
        inside.mkdir()
        with running(inside) as venue:
            for path in (
                "../secret",
                "%2e%2e/secret",
                "EURUSD/../../secret",
                "..%2fsecret",
                "/" + str(tmp_path),
            ):
                host, port = venue.url.removeprefix("http://").split(":")
                with socket.create_connection((host, int(port)), timeout=10) as connection:
                    connection.sendall(
                        f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
                    )
                    assert connection.recv(20).startswith(b"HTTP/1.1 404")

    def test_only_reading_is_allowed(self, venue: RunningVenue) -> None:
        assert httpx.post(f"{venue.url}/{HOUR}", trust_env=False).status_code == 405

    def test_it_listens_on_loopback_only(self, venue: RunningVenue) -> None:
        listening = [c for c in psutil.Process(venue.pid).net_connections("inet") if c.status == "LISTEN"]
        assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}

    def test_two_processes_make_the_same_market(self, venue: RunningVenue) -> None:
        with running(SYNTHETIC, "--now", NOW, "--ticks-a-day", "2000") as twin:
            for path in (MINUTES, FEED, DAY, HOUR):
                assert body(twin, path) == body(venue, path)
        with running(SYNTHETIC, "--now", NOW, "--ticks-a-day", "2000", "--seed", "1") as other:
            assert body(other, HOUR) != body(venue, HOUR)


class TestClock:
    def test_the_running_hour_comes_out_when_it_is_over(self, venue: RunningVenue) -> None:
        venue.set_clock("2024-03-05T10:30:00Z")
        assert get(venue, HOUR).status_code == 404
        assert get(venue, FEED).status_code == 400
        running_hour = json.loads(body(venue, "v1/ticks/EUR-USD?from=1709632800000"))
        assert len(running_hour["times"]) > 0
        assert sum(running_hour["times"]) <= 1_800_000
        venue.set_clock("2024-03-05T11:04:59Z")
        assert (get(venue, HOUR).status_code, get(venue, FEED).status_code) == (404, 400)
        venue.set_clock("2024-03-05T11:05:00Z")
        assert (get(venue, HOUR).status_code, get(venue, FEED).status_code) == (200, 200)
        assert (get(venue, DAY).status_code, get(venue, MINUTES).status_code) == (404, 400)
        venue.set_clock("2024-03-06T00:05:00Z")
        assert (get(venue, DAY).status_code, get(venue, MINUTES).status_code) == (200, 200)

    def test_it_can_run_on_from_a_moment(self, venue: RunningVenue) -> None:
        venue.set_clock("2024-03-05T11:04:59.900Z", running=True)
        deadline = time.monotonic() + 20
        while get(venue, HOUR).status_code != 200:
            assert time.monotonic() < deadline, "the hour did not come out"

    def test_a_time_that_is_none_is_refused(self, venue: RunningVenue) -> None:
        with pytest.raises(ValueError, match="is not a time"):
            venue.set_clock("yesterday")


class TestFaults:
    @pytest.mark.parametrize(
        ("rule", "status"),
        [("not-found", 404), ("throttle", 429), ("unavailable", 503), ("forbidden", 403), ("accepted", 202)],
    )
    def test_a_status_instead_of_content(self, venue: RunningVenue, rule: str, status: int) -> None:
        venue.set_faults(f"{rule}:count=1,path=EURUSD/*")
        assert get(venue, FEED).status_code == 200
        answer = get(venue, HOUR)
        assert answer.status_code == status
        assert "retry-after" not in answer.headers
        assert (answer.content == b"") == (status == 202)
        assert get(venue, HOUR).status_code == 200

    def test_retry_after_in_seconds_and_as_a_date(self, venue: RunningVenue) -> None:
        venue.set_faults("throttle:count=1,retry-after=7", "unavailable:retry-after=7,retry-after-date=true")
        throttled = get(venue, HOUR)
        assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
        assert "Too Many Requests" in throttled.json()["error"]
        unavailable = get(venue, HOUR)
        assert unavailable.status_code == 503
        assert unavailable.headers["retry-after"].endswith("GMT")

    def test_a_burst_ends(self, venue: RunningVenue) -> None:
        venue.set_faults("unavailable:after=1,count=2")
        assert [get(venue, path).status_code for path in (HOUR, DAY, FEED, HOUR)] == [200, 503, 503, 200]

    def test_a_hang_says_nothing(self, venue: RunningVenue) -> None:
        venue.set_faults("hang:family=hour,seconds=60")
        hasty = httpx.Timeout(30, read=0.3)
        with httpx.Client(trust_env=False, timeout=hasty) as client, pytest.raises(httpx.ReadTimeout):
            client.get(f"{venue.url}/{HOUR}")
        assert get(venue, DAY).status_code == 200

    def test_a_hang_ends_without_an_answer(self, venue: RunningVenue) -> None:
        venue.set_faults("hang:seconds=0.05")
        with pytest.raises(httpx.RemoteProtocolError):
            get(venue, HOUR)

    def test_a_reset_breaks_the_connection(self, venue: RunningVenue) -> None:
        venue.set_faults("reset")
        with pytest.raises(httpx.ReadError):
            get(venue, HOUR)

    def test_a_truncated_body_is_a_whole_answer(self, venue: RunningVenue) -> None:
        sound = body(venue, HOUR)
        venue.set_faults("truncate:fraction=0.25")
        assert body(venue, HOUR) == sound[: len(sound) // 4]
        assert get(venue, SUNDAY).content == b""

    def test_a_cut_body_promises_more_than_comes(self, venue: RunningVenue) -> None:
        venue.set_faults("cut")
        with pytest.raises(httpx.RemoteProtocolError):
            get(venue, HOUR)

    def test_html_instead_of_data(self, venue: RunningVenue) -> None:
        venue.set_faults("html")
        answer = get(venue, HOUR)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        assert b"<html>" in answer.content

    def test_empty_now_and_then(self, venue: RunningVenue) -> None:
        sound = body(venue, HOUR)
        venue.set_faults("empty:count-per-path=2")
        assert [body(venue, HOUR) for _ in range(3)] == [b"", b"", sound]

    def test_a_slow_answer_is_whole_in_the_end(self, venue: RunningVenue) -> None:
        sound = body(venue, HOUR)
        venue.set_faults("slow:seconds=0.4")
        began = time.monotonic()
        assert body(venue, HOUR) == sound
        assert time.monotonic() - began >= 0.35

    def test_damaged_json_is_none(self, venue: RunningVenue) -> None:
        venue.set_faults("damaged-json:family=json")
        for path in (FEED, MINUTES, "v1/instruments/EUR-USD"):
            with pytest.raises(ValueError, match=r"."):
                json.loads(body(venue, path))
        assert lzma.decompress(body(venue, HOUR))

    def test_a_correction_is_other_content_at_the_same_url(self, venue: RunningVenue) -> None:
        paths = (HOUR, DAY, FEED, MINUTES)
        before = [get(venue, path) for path in paths]
        other = body(venue, HOUR.replace("10h", "11h"))
        venue.set_faults("correct:path=EURUSD/2024/02/05/10h*")
        after = [get(venue, path) for path in paths]
        for old, new in zip(before, after, strict=True):
            assert new.status_code == 200
            assert old.content != new.content
            assert old.headers["etag"] != new.headers["etag"]
            assert new.headers["last-modified"] == "Wed, 06 Mar 2024 12:00:00 GMT"
        assert body(venue, HOUR.replace("10h", "11h")) == other
        assert len(lzma.decompress(after[0].content)) % 20 == 0

    def test_202_until_the_client_looks_like_a_browser(self, venue: RunningVenue) -> None:
        venue.set_faults("accepted:family=json,unless-browser=true")
        answer = get(venue, FEED)
        assert (answer.status_code, answer.content) == (202, b"")
        browser = {"user_agent": "Mozilla/5.0", "referer": "https://freeserv.dukascopy.com/2.0/"}
        assert get(venue, FEED, **browser).status_code == 200
        assert get(venue, FEED, user_agent="Mozilla/5.0").status_code == 202
        assert get(venue, HOUR).status_code == 200

    def test_a_rate_limit(self, venue: RunningVenue) -> None:
        venue.set_faults("throttle:over=0.01")
        assert [get(venue, HOUR).status_code for _ in range(3)] == [200, 429, 429]

    def test_rules_can_be_read_added_and_removed_while_it_runs(self, venue: RunningVenue) -> None:
        venue.set_faults({"fault": "throttle", "count": 1}).add_faults("unavailable:count=1")
        assert [get(venue, HOUR).status_code for _ in range(3)] == [429, 503, 200]
        assert [(rule["fault"], rule["befallen"]) for rule in venue.faults()] == [
            ("throttle", 1),
            ("unavailable", 1),
        ]
        with pytest.raises(ValueError, match="explode"):
            venue.set_faults("explode")
        assert len(venue.faults()) == 2
        assert httpx.delete(f"{venue.url}/_faults", trust_env=False).json() == []
        assert venue.faults() == []

    def test_rules_from_the_command_line(self) -> None:
        with running(
            SYNTHETIC, "--now", NOW, "--fault", "throttle:count=1", "--fault", "unavailable"
        ) as venue:
            assert [get(venue, HOUR).status_code for _ in range(2)] == [429, 503]


class TestRecord:
    def test_requests_are_counted_by_kind(self, venue: RunningVenue) -> None:
        venue.set_faults("throttle:family=day")
        for path in (HOUR, HOUR, DAY, FEED, "nonsense"):
            get(venue, path)
        counts = venue.counts()
        assert counts["total"] == 5
        assert counts["by_family"] == {"hour": 2, "day": 1, "json-ticks": 1, "unknown": 1}
        assert counts["by_status"] == {"200": 3, "429": 1, "404": 1}
        assert counts["by_fault"] == {"none": 4, "throttle": 1}
        assert venue.count("EURUSD/*") == 3
        newest = venue.requests("EURUSD/2024/02/05_*")[-1]
        assert (newest["method"], newest["status"], newest["fault"]) == ("GET", 429, "throttle")

    def test_it_can_be_emptied(self, venue: RunningVenue) -> None:
        get(venue, HOUR)
        assert venue.count() == 1
        assert venue.reset_requests().counts()["total"] == 0
        assert venue.requests() == []

    def test_an_answer_that_never_came_is_recorded_too(self, venue: RunningVenue) -> None:
        venue.set_faults("reset")
        with pytest.raises(httpx.ReadError):
            get(venue, HOUR)
        (entry,) = venue.requests()
        assert (entry["status"], entry["fault"]) == (None, "reset")


class TestFolder:
    def test_files_may_come_and_go_while_it_runs(self, tmp_path: Path) -> None:
        export(tmp_path, "EURUSD", date(2024, 3, 5), date(2024, 3, 6), Market(ticks_a_day=300))
        file = tmp_path / HOUR.removeprefix("datafeed/")
        with running(tmp_path, "--now", NOW) as venue:
            whole = body(venue, DAY)
            assert body(venue, HOUR) == file.read_bytes()
            aside = shutil.move(file, tmp_path / "aside")
            assert [get(venue, path).status_code for path in (HOUR, DAY, FEED)] == [404, 404, 404]
            shutil.move(aside, file)
            assert body(venue, DAY) == whole
            file.write_bytes(file.with_name("11h_ticks.bi5").read_bytes())
            assert body(venue, DAY) != whole

    def test_the_recorded_day(self, fixtures: Path) -> None:
        with running(fixtures / "dukascopy" / "dukascopy-node") as venue:
            day = body(venue, "datafeed/EURUSD/2019/01/04_ticks.bi5")
            assert len(lzma.decompress(day)) == 136_741 * 20
            feed = [json.loads(body(venue, f"v1/ticks/EUR-USD/2019/2/4/{hour}")) for hour in range(24)]
            assert sum(len(payload["times"]) for payload in feed) == 136_741
            assert len(json.loads(body(venue, "v1/candles/minute/EUR-USD/BID/2019/2/4"))["times"]) == 1_440


class TestProcess:
    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "simulators.dukascopy", *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_a_taken_port_is_named(self, venue: RunningVenue) -> None:
        port = venue.url.rpartition(":")[2]
        done = self.run(SYNTHETIC, "--port", port)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert port in done.stderr
        assert "--port" in done.stderr

    @pytest.mark.parametrize(
        "options",
        [
            (),
            (".", SYNTHETIC),
            ("no-such-folder",),
            (SYNTHETIC, "--fault", "explode"),
            (SYNTHETIC, "--now", "soon"),
        ],
    )
    def test_nonsense_is_refused_in_a_line(self, options: tuple[str, ...]) -> None:
        done = self.run("--port", "0", *options)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
    def test_it_stops_when_told_also_with_hanging_clients(self, stop: signal.Signals) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulators.dukascopy", SYNTHETIC, "--port", "0", "--fault", "hang"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", ready["port"]), timeout=10) as client:
                client.sendall(f"GET /{HOUR} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                deadline = time.monotonic() + 20
                while not httpx.get(f"{ready['url']}/_requests", trust_env=False).json()["total"]:
                    assert time.monotonic() < deadline
                os.kill(process.pid, stop)
                assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()

    def test_the_command_line_starts_it(self) -> None:
        starter = (
            "import typer; from candlewick.commands import simulate; app = typer.Typer();"
            "simulate.register(app); app()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", starter, "simulate", "dukascopy", SYNTHETIC, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert httpx.get(f"{ready['url']}/{SUNDAY}", trust_env=False).status_code == 200
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
