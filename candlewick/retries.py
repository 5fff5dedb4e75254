"""Retries: jittered and capped by stamina, and told to the log of the standard library.

Left to itself stamina writes each retry through structlog where that is installed, which puts it on standard
output, among a command's results.
"""

import stamina
from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

set_on_retry_hooks([LoggingOnRetryHook])

retry_context = stamina.retry_context
