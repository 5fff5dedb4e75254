"""The packaged Lambda, run with nothing on the path but the standard library and its zip."""

import json
import re
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.integration.availability.lambda_support import LAMBDA, Ran, VenueHost, build, run

EVENT = {"instruments": ["EUR/USD"], "from": "2019-02-04T08:00:00Z", "to": "2019-02-04T12:00:00Z"}


def states(ran: Ran) -> list[str]:
    hours = ran.answer["hours"]
    assert isinstance(hours, list)
    return [hour["state"] for hour in hours]


def test_the_zip_answers_with_only_itself_on_the_path(package: Path, host: VenueHost) -> None:
    host.statuses = {
        "/datafeed/EURUSD/2019/01/04/08h_ticks.bi5": 200,
        "/datafeed/EURUSD/2019/01/04/09h_ticks.bi5": 503,
        "/v1/ticks/EUR-USD/2019/2/4/10": 200,
    }
    ran = run(package, EVENT, host.url)
    assert states(ran) == ["out", "unknown", "out", "not-yet"]
    assert ran.loaded == []
    assert ran.source.startswith(str(package))
    hours = ran.answer["hours"]
    assert isinstance(hours, list)
    (evidence,) = hours[0]["evidence"]
    assert evidence["status"] == 200
    assert evidence["size"] == 34_567
    assert evidence["last_modified"] == "Mon, 04 Feb 2019 11:02:00 GMT"
    assert evidence["date"].endswith("GMT")
    # The JSON host answers nobody that does not look like a browser.
    assert all("Mozilla" in headers["User-Agent"] and "Referer" in headers for headers in host.headers)


def test_it_counts_for_the_alarms_in_its_log(package: Path, host: VenueHost) -> None:
    host.statuses = {"/datafeed/EURUSD/2019/01/04/09h_ticks.bi5": 429}
    ran = run(package, EVENT, host.url)
    (line,) = ran.log
    metrics = json.loads(line)
    assert metrics["FunctionName"] == "stack-checker"
    assert (metrics["UnknownHours"], metrics["NotYetHours"]) == (1, 3)
    (told,) = metrics["_aws"]["CloudWatchMetrics"]
    assert told["Namespace"] == "Candlewick"
    assert {each["Name"] for each in told["Metrics"]} <= set(metrics)


def test_the_calendar_needs_no_time_zones_of_the_machine(package: Path, host: VenueHost) -> None:
    event = {
        "instruments": ["7203.JP", "DAX", "USD/JPY"],
        "from": "2026-03-08T20:00:00Z",
        "to": "2026-03-08T23:00:00Z",
    }
    refused = run(package, event, host.url)
    error = refused.answer["error"]
    assert isinstance(error, dict)
    assert error["field"] == "instruments"
    event["instruments"] = ["7203.JP", "DEU.IDX", "USD/JPY"]
    ran = run(package, event, host.url)
    # The Sunday of the change in New York: currencies open an hour earlier by UTC; Frankfurt at its midnight.
    assert states(ran) == ["closed"] * 3 + ["closed"] * 3 + ["closed", "not-yet", "not-yet"]


def test_a_host_that_refuses_head_and_one_that_redirects(package: Path, host: VenueHost) -> None:
    host.refuse_head = True
    host.statuses = {
        "/datafeed/EURUSD/2019/01/04/08h_ticks.bi5": 200,
        "/datafeed/EURUSD/2019/01/04/11h_ticks.bi5": 302,
        "/elsewhere": 200,
    }
    ran = run(package, EVENT, host.url)
    assert states(ran) == ["out", "not-yet", "not-yet", "unknown"]
    assert "/elsewhere" not in {path for _, path in host.asked}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "instruments"),
        ([], "event"),
        ({**EVENT, "instruments": ["NOSUCH"]}, "instruments"),
        ({**EVENT, "to": "soon"}, "to"),
        ({**EVENT, "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_event_is_answered_and_not_raised(
    package: Path, host: VenueHost, event: object, field: str
) -> None:
    ran = run(package, event, host.url)
    assert set(ran.answer) == {"error"}
    error = ran.answer["error"]
    assert isinstance(error, dict)
    assert (error["type"], error["field"]) == ("RequestError", field)
    assert str(error["message"]).startswith(f"{field}: ")
    assert host.asked == []


def test_nobody_there_is_unknown_and_in_time(package: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    ran = run(package, EVENT, f"http://127.0.0.1:{port}", millis=5_000)
    assert states(ran) == ["unknown"] * 4


def test_it_ends_before_aws_would_end_it(package: Path) -> None:
    """A host that takes connections and never answers; the function has 3 s left, of which 2 are kept."""
    silent = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # listens, serves nobody
    try:
        ran = run(package, EVENT, f"http://127.0.0.1:{silent.server_port}", millis=3_000)
    finally:
        silent.server_close()
    assert states(ran) == ["unknown"] * 4
    seconds = ran.answer["seconds"]
    assert isinstance(seconds, float)
    assert seconds < 3


def test_the_same_sources_give_the_same_bytes(package: Path, tmp_path: Path) -> None:
    assert build(tmp_path / "again.zip").read_bytes() == package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert archive.testzip() is None
    ours = {name for name in names if not name.startswith("tzdata/")}
    assert all(re.match(r"handler\.py|candlewick/", name) for name in ours)
    assert not any("__pycache__" in name for name in names)


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, kept as their arguments."""


def _argument(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    raise TypeError(node)


_Template.add_multi_constructor("!", _argument)


def template() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.load(
        (LAMBDA / "template.yaml").read_text(encoding="utf-8"),
        _Template,  # noqa: S506  (a SafeLoader)
    )
    return loaded


def test_the_template_names_what_the_zip_holds(package: Path) -> None:
    function = template()["Resources"]["Checker"]["Properties"]
    assert isinstance(function, dict)
    module, _, name = str(function["Handler"]).partition(".")
    with zipfile.ZipFile(package) as archive:
        assert f"def {name}(" in archive.read(f"{module}.py").decode()
    assert function["CodeUri"] == "../build/lambda.zip"


def test_the_function_may_only_write_its_own_log() -> None:
    role = template()["Resources"]["CheckerRole"]["Properties"]
    assert isinstance(role, dict)
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == {"GetAtt": "CheckerLog.Arn"}
    invoke = template()["Resources"]["InvokePolicy"]["Properties"]
    assert isinstance(invoke, dict)
    (statement,) = invoke["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (
        "lambda:InvokeFunction",
        {"GetAtt": "Checker.Arn"},
    )


def test_the_schedules_input_is_an_event_that_the_function_answers(package: Path, host: VenueHost) -> None:
    loaded = template()
    parameters = loaded["Parameters"]
    function = loaded["Resources"]["Checker"]["Properties"]
    assert isinstance(function, dict)
    text = function["Events"]["EveryFewMinutes"]["Properties"]["Input"]["Sub"]
    for name in ("Instruments", "LastHours"):
        text = text.replace(f"${{{name}}}", str(parameters[name]["Default"]))
    ran = run(package, json.loads(text), host.url)
    hours = ran.answer["hours"]
    assert isinstance(hours, list)
    assert len(hours) == 5 * 24


def test_there_is_an_alarm_for_each_way_to_fail() -> None:
    alarms = [
        each["Properties"]
        for each in template()["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"  # type: ignore[comparison-overlap]
    ]
    assert {str(alarm["MetricName"]) for alarm in alarms if isinstance(alarm, dict)} == {
        "Errors",
        "Throttles",
        "Duration",
        "UnknownHours",
    }
