"""The checks of venues and sinks: `candlewick.watch` judges, the sensor tells; by hand they look anew."""

from collections.abc import Iterator, Sequence

import dagster as dg

from candlewick import topics
from candlewick.instruments import Kind
from candlewick.settings import Settings
from candlewick.watch.judge import DESCRIPTIONS, Check, Outcome, judge
from candlewick.watch.look import take
from candlewick.watch.memory import Memory
from pipeline_defs.live.names import sink_key, venue_key

_SHOWN = 20


def live_checks(venues: Sequence[str]) -> list[dg.AssetChecksDefinition]:
    """The checks of venues and of both sinks."""
    checks = [_checks(venue, venue_key(venue), tuple(Check)) for venue in venues]
    return [*checks, *(_checks(name, sink_key(name), (Check.SINK_PROGRESS,)) for name in sinks())]


def sinks() -> list[str]:
    return [topics.sink_name(kind) for kind in Kind]


def subject_key(subject: str) -> dg.AssetKey:
    """The asset that a verdict is about."""
    return sink_key(subject) if subject in sinks() else venue_key(subject)


def evaluation(outcome: Outcome) -> dg.AssetCheckEvaluation:
    """A verdict as an event without a run.

    Raises:
        ValueError: it could not be judged.
    """
    if outcome.passed is None:
        raise ValueError(f"{outcome.name} was not judged")
    return dg.AssetCheckEvaluation(
        asset_key=subject_key(outcome.subject),
        check_name=outcome.check.value,
        passed=outcome.passed,
        severity=_severity(outcome),
        description=outcome.text,
        metadata=_metadata(outcome),
    )


def _checks(subject: str, key: dg.AssetKey, names: tuple[Check, ...]) -> dg.AssetChecksDefinition:
    specs = [dg.AssetCheckSpec(name.value, asset=key, description=DESCRIPTIONS[name]) for name in names]

    @dg.multi_asset_check(specs=specs, name=f"look_at_{'_'.join(key.path)}", can_subset=True)
    def look_now(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {one.name for one in context.selected_asset_check_keys}
        for outcome in judge(take(Settings()), Memory(), patient=False).outcomes:
            if outcome.subject != subject or outcome.check.value not in wanted:
                continue
            # A run has to give a result: what cannot be seen has not passed.
            yield dg.AssetCheckResult(
                passed=bool(outcome.passed),
                asset_key=key,
                check_name=outcome.check.value,
                severity=_severity(outcome),
                description=outcome.text,
                metadata=_metadata(outcome),
            )

    return look_now


def _severity(outcome: Outcome) -> dg.AssetCheckSeverity:
    warning = outcome.is_warning or outcome.passed is None
    return dg.AssetCheckSeverity.WARN if warning else dg.AssetCheckSeverity.ERROR


def _metadata(outcome: Outcome) -> dict[str, dg.MetadataValue]:
    if not outcome.rows:
        return {}
    lines = [f"| {' | '.join(outcome.header)} |", "|" + " --- |" * len(outcome.header)]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in outcome.rows[:_SHOWN]]
    if len(outcome.rows) > _SHOWN:
        lines.append(f"\nand {len(outcome.rows) - _SHOWN} more")
    return {"what": dg.MetadataValue.md("\n".join(lines))}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
