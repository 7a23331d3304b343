"""The same run in another process, whose hash seed and memory are its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from backtest.audit.findings import WayToRun
from backtest.audit.invariance import result_digest
from backtest.history import History

__all__ = ["digest_in_new_process"]


def digest_in_new_process(run: WayToRun, history: History) -> str:
    """Run in a process that is started for it, and return the digest of the result.

    Parameters
    ----------
    run : WayToRun
        A function of a module, or another value that can be pickled.
    history : History
        Its data; sequences of chains must be picklable too.

    Returns
    -------
    str
        As `backtest.audit.invariance.result_digest`.

    Notes
    -----
    Started afresh and not forked: a copy of this process would share what is to be told apart.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_digest, run, history).result()


def _digest(run: WayToRun, history: History) -> str:
    return result_digest(run(history))
