"""Dagster over its HTTP GraphQL interface: launch runs, watch them, reload the definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import httpx

from candlewick import pipeline
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.retries import retry_context
from candlewick.settings import Settings
from candlewick.times import SECOND_US, now_us

# Creating a run of a month writes one planned event per asset and day.
_TIMEOUT_S = 60.0

# How long answers that are errors are asked for again: at any time, and while watching what was launched.
_MENDING_S = 10.0
_WATCHING_S = 120.0

# A backfill of twenty years of a series is 240 runs.
_MOST_ACTIVE = 1000

# A run is made within a second or two, on a busy machine within some more.
_MAKING_S = 15.0

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on RunConflict { message }
  }
}
"""

_RUNS = """
query Runs($ids: [String!]!, $limit: Int!) {
  runsOrError(filter: {runIds: $ids}, limit: $limit) {
    __typename
    ... on Runs { results { runId status startTime endTime } }
    ... on PythonError { message }
  }
}
"""

_ACTIVE = """
query Active($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId status creationTime tags { key value } } }
    ... on PythonError { message }
  }
}
"""

_RETRIES = """
query Retries($id: ID!) {
  runOrError(runId: $id) { ... on Run { tags { key value } } }
}
"""

_FAILURE = """
query Failure($id: ID!) {
  logsForRun(runId: $id, limit: 1000) {
    ... on EventConnection {
      events {
        __typename
        ... on ExecutionStepFailureEvent { stepKey error { message causes { message } } }
        ... on RunFailureEvent { message }
      }
    }
  }
}
"""

_CANCEL = """
mutation Cancel($ids: [String!]!, $policy: TerminateRunPolicy!) {
  terminateRuns(runIds: $ids, terminatePolicy: $policy) { __typename ... on PythonError { message } }
}
"""

_RELOAD = """
mutation Reload($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
    ... on PythonError { message }
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
  }
}
"""


class _ServerError(Exception):
    """The web server answered something else than 200."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.status_code}: {response.text[:200]}")


class RunStatus(StrEnum):
    """A run's state in Dagster's words."""

    NOT_STARTED = "NOT_STARTED"
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    MANAGED = "MANAGED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"

    @property
    def finished(self) -> bool:
        return self in {RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED}


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the web server knows it; times are seconds since 1970, None before they are known."""

    run_id: str
    status: RunStatus
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run of a series' stages that waits or works.

    Attributes:
        series: the series' name.
        first: the first of its days; `last`, the last one, is among them.
        asked_us: when it was asked for, microseconds since 1970.
    """

    run_id: str
    series: str
    first: date
    last: date
    asked_us: int


def dagster_url(settings: Settings) -> str:
    """Where the platform's Dagster pages are."""
    return f"http://127.0.0.1:{settings.ports.dagster}"


class DagsterClient:
    """One web server.

    Every method raises `CandlewickError` when it does not answer or refuses.
    """

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.url = url
        # Loopback: a proxy of the environment is not for it.
        self._http = httpx.Client(timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def launch(self, series: Series, first: date, last: date, tags: Mapping[str, str]) -> str:
        """Asks for all stages of the days from `first` to `last`, in one run; returns its id.

        Both must be days that the series' partitions have.
        """
        tags = {**tags, pipeline.SERIES_TAG: series.name, **pipeline.range_tags(first, last)}
        params = {
            "selector": {
                "repositoryLocationName": pipeline.LOCATION,
                "repositoryName": pipeline.REPOSITORY,
                "jobName": pipeline.ASSET_JOB,
                "assetSelection": [{"path": pipeline.asset_path(series, stage)} for stage in pipeline.Stage],
            },
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise CandlewickError(
                f"Dagster refuses the run for {series.name} {first} to {last}: {_complaint(answer)}",
                f"reload the definitions at {self.url}/locations, then try again",
            )
        run_id: str = answer["run"]["runId"]
        return run_id

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """What has become of runs, by id."""
        answer = self._watch(_RUNS, {"ids": list(run_ids), "limit": len(run_ids)})["runsOrError"]
        return {
            row["runId"]: Run(row["runId"], RunStatus(row["status"]), row["startTime"], row["endTime"])
            for row in answer.get("results", ())
        }

    def active(self, series: str | None = None) -> list[ActiveRun]:
        """The runs of series' stages that wait or work, youngest first; others have no days.

        Args:
            series: only those of this series, of which none is left out.
        """
        wanted: dict[str, Any] = {"statuses": [one for one in RunStatus if not one.finished]}
        if series is not None:
            wanted["tags"] = [{"key": pipeline.SERIES_TAG, "value": series}]
        answer = self._ask(_ACTIVE, {"filter": wanted, "limit": _MOST_ACTIVE})["runsOrError"]
        made_since_s = now_us() / SECOND_US - _MAKING_S
        found = []
        for row in answer.get("results", ()):
            if row["status"] == RunStatus.NOT_STARTED and row["creationTime"] < made_since_s:
                # Dagster could not make it, and keeps it so for ever.
                continue
            tags = {tag["key"]: tag["value"] for tag in row["tags"]}
            first = tags.get(pipeline.RANGE_START_TAG) or tags.get(pipeline.PARTITION_TAG)
            last = tags.get(pipeline.RANGE_END_TAG) or first
            if pipeline.SERIES_TAG in tags and first and last:
                days = date.fromisoformat(first), date.fromisoformat(last)
                asked_us = int(row["creationTime"] * 1_000_000)
                found.append(ActiveRun(row["runId"], tags[pipeline.SERIES_TAG], *days, asked_us))
        return found

    def retried_as(self, run_id: str) -> str | None:
        """The run that takes the place of one whose process died.

        None: there is none and will be none. An empty text: it is to come.
        """
        tags = {
            tag["key"]: tag["value"] for tag in self._watch(_RETRIES, {"id": run_id})["runOrError"]["tags"]
        }
        to_come = "" if tags.get("dagster/will_retry") == "true" else None
        return tags.get("dagster/auto_retry_run_id", to_come)

    def why_failed(self, run_id: str) -> str:
        """The first failure that a run recorded, in one line."""
        events = self._watch(_FAILURE, {"id": run_id})["logsForRun"].get("events", [])
        fallback = "no reason recorded"
        for event in events:
            if event["__typename"] == "ExecutionStepFailureEvent" and event["error"]:
                causes = event["error"]["causes"] or [event["error"]]
                return f"{event['stepKey']}: {causes[-1]['message'].strip().splitlines()[0]}"
            if event["__typename"] == "RunFailureEvent":
                fallback = event["message"].strip().splitlines()[0]
        return fallback

    def cancel(self, run_ids: Sequence[str], *, unheard: bool = False) -> None:
        """Asks runs to end: one that waits ends at once, one that works once its process has heard of it.

        One that is only just being made or started does not listen yet: ask again while it is active.

        Args:
            unheard: count them as cancelled though their processes have not answered: one that waits for a
                place hears of it only when it gets that.
        """
        if not run_ids:
            return
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if unheard else "SAFE_TERMINATE"
        answer = self._ask(_CANCEL, {"ids": list(run_ids), "policy": policy})["terminateRuns"]
        if answer["__typename"] != "TerminateRunsResult":
            raise CandlewickError(
                f"Dagster could not end the runs: {_complaint(answer)}", f"end them at {self.url}/runs"
            )

    def reload(self) -> None:
        """Makes Dagster read the collected series anew."""
        answer = self._ask(_RELOAD, {"location": pipeline.LOCATION})["reloadRepositoryLocation"]
        loaded = answer.get("locationOrLoadError") or answer
        if loaded["__typename"] in {"PythonError", "ReloadNotSupported", "RepositoryLocationNotFound"}:
            raise CandlewickError(
                f"Dagster could not reload: {_complaint(loaded)}", f"see {self.url}/locations"
            )

    def _watch(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask(text, variables, patience_s=_WATCHING_S)

    def _ask(
        self, text: str, variables: Mapping[str, Any], *, patience_s: float = _MENDING_S
    ) -> dict[str, Any]:
        """Asks until there is a proper answer, or for `patience_s`.

        A web server whose database was restarted answers 500 until it has made new connections. One that
        does not answer at all is waited for only by those that know it is up.
        """
        waited_for = (_ServerError, httpx.TransportError) if patience_s > _MENDING_S else _ServerError
        try:
            for attempt in retry_context(
                on=waited_for, attempts=None, timeout=patience_s, wait_initial=0.2, wait_max=3.0
            ):
                with attempt:
                    response = self._http.post(
                        f"{self.url}/graphql", json={"query": text, "variables": variables}
                    )
                    if response.status_code != httpx.codes.OK:
                        raise _ServerError(response)
        except httpx.HTTPError as error:
            raise CandlewickError(
                f"Dagster does not answer at {self.url} ({type(error).__name__})",
                "`candlewick up` starts it, `candlewick status` shows what runs",
            ) from error
        except _ServerError as error:
            raise CandlewickError(
                f"Dagster answered {error} at {self.url}", "`candlewick status` shows whether it is well"
            ) from error
        payload: dict[str, Any] = response.json()
        if payload.get("errors"):
            raise CandlewickError(
                f"Dagster refused a question: {payload['errors'][0]['message']}",
                "is another version of Dagster running there?",
            )
        data: dict[str, Any] = payload["data"]
        return data


def _complaint(answer: Mapping[str, Any]) -> str:
    messages = [answer["message"]] if answer.get("message") else []
    messages += [error["message"] for error in answer.get("errors", ())]
    text = " ".join(messages) or answer["__typename"]
    return text.strip().splitlines()[0]
