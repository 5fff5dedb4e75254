"""Errors that a person reads: what is wrong, and what to do about it."""


class CandlewickError(Exception):
    """A failure with a cause a user can act on.

    `problem` names what is wrong; `remedy` says the next step. The command line prints both on
    one line and exits 2, so neither may hold a secret.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}" if self.remedy else self.problem
