"""An hour of the recorder's joined with the row that is stored, whoever wrote that one."""

import numpy as np

from candlewick.hours import Quotes, Trades


def merge_quotes(stored: Quotes, ours: Quotes) -> Quotes:
    """Every quote as often as the one that has it more often; by time, then what is stored first."""
    if not len(stored) or not len(ours):
        return ours if len(ours) else stored
    table = np.concatenate([np.column_stack(stored.columns()), np.column_stack(ours.columns())])
    _, same = np.unique(table, axis=0, return_inverse=True)
    same = same.reshape(-1)
    count = len(stored)
    rank = _ranks(same[:count]), _ranks(same[count:])
    held = np.bincount(same[:count], minlength=int(same.max()) + 1)
    # The nth of equal quotes is stored already where at least n of them are.
    fresh = rank[1] >= held[same[count:]]
    table = np.concatenate([table[:count], table[count:][fresh]])
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Quotes(*(np.ascontiguousarray(table[:, column]) for column in range(5)))


def _ranks(values: np.ndarray) -> np.ndarray:
    """How many equal values stand before each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.diff(np.r_[starts, len(ordered)])
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values)) - np.repeat(starts, counts)
    return ranks


def merge_trades(stored: Trades, ours: Trades, asked_later: np.ndarray, *, stored_is_live: bool) -> Trades:
    """Every trade once, by id. Our copy wins, but one that was asked for later yields to a recorder's.

    Args:
        asked_later: which of ours the venue's REST side gave.
        stored_is_live: a recorder wrote the stored row, perhaps from the stream.
    """
    if not len(stored):
        return ours
    held = np.column_stack(stored.columns())
    new = np.column_stack(ours.columns()) if len(ours) else held[:0]
    # Lower wins.
    worth = np.concatenate(
        [
            np.full(len(held), 1),
            np.where(asked_later, 2 if stored_is_live else 0, 0),
        ]
    )
    table = np.concatenate([held, new])
    order = np.lexsort((worth, table[:, 1]))
    table = table[order]
    first = np.ones(len(table), dtype=bool)
    first[1:] = np.diff(table[:, 1]) > 0
    table = table[first]
    return Trades(*(np.ascontiguousarray(table[:, column]) for column in range(5)))


def without_ids(trades: Trades, ids: set[int]) -> Trades:
    """Trades but for those of these ids."""
    if not ids:
        return trades
    kept = ~np.isin(trades.trade_id, np.fromiter(ids, dtype=np.int64, count=len(ids)))
    return trades if kept.all() else Trades(*(column[kept] for column in trades.columns()))
