"""The one place that changes what is collected, for page, command line and Python."""

from candlewick.control.adding import Outcome, add, add_defaults
from candlewick.control.backfilling import Launched, backfill, cancel, repair
from candlewick.control.collecting import add_history, collect, collect_live
from candlewick.control.filling import fill_span
from candlewick.control.removing import pause, remove, resume
from candlewick.control.resolving import Found, live_venues, symbol_of
from candlewick.control.steps import Report, Step, StepName, StepState

__all__ = [
    "Found",
    "Launched",
    "Outcome",
    "Report",
    "Step",
    "StepName",
    "StepState",
    "add",
    "add_defaults",
    "add_history",
    "backfill",
    "cancel",
    "collect",
    "collect_live",
    "fill_span",
    "live_venues",
    "pause",
    "remove",
    "repair",
    "resume",
    "symbol_of",
]
