"""Requests of every kind that the API describes, and of many that it does not."""

from typing import Any

from hypothesis import HealthCheck, given, settings


def never_breaks(operation: Any, examples: int, **known: str) -> None:
    """No answer of an operation is a 5xx.

    Args:
        operation: of a schema that schemathesis has read.
        known: values that parameters of the path always have.
    """

    @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        answer = case.call(timeout=60)
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"

    ask()
