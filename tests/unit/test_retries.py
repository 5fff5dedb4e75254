"""What is tried again says nothing where a command's result or its error is written."""

import subprocess
import sys

from candlewick.local.ports import free_base

CODE = """
import sys
from candlewick import cli
from candlewick.store.database import Database

database = Database("postgresql://nobody@127.0.0.1:{port}/nothing", timeout_s=1.5)
database.open()

def ask():
    try:
        with database.transaction():
            pass
    finally:
        database.close()

cli.app = ask
sys.exit(cli.main())
"""


def test_a_database_that_is_away_is_one_line_of_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(port=free_base(1))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "candlewick: the database does not answer: no connection within 1.5 s: "
        "see `candlewick status`; `candlewick up` starts it\n"
    )
