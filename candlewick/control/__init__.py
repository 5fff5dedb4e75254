"""The one place that changes what is collected: add, pause, resume, remove. Page, command line and Python call it."""

from candlewick.control.adding import Outcome, add, add_defaults
from candlewick.control.backfilling import backfill, repair
from candlewick.control.collecting import add_history, collect, collect_live
from candlewick.control.removing import pause, remove, resume
from candlewick.control.resolving import Found, symbol_of
from candlewick.control.steps import Report, Step, StepName, StepState

__all__ = [
    "Found",
    "Outcome",
    "Report",
    "Step",
    "StepName",
    "StepState",
    "add",
    "add_defaults",
    "add_history",
    "backfill",
    "collect",
    "collect_live",
    "pause",
    "remove",
    "repair",
    "resume",
    "symbol_of",
]
