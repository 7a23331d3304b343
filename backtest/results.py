"""What a run leaves: the account over time, what was decided, ordered and filled, and the ledger's proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from backtest.history import DataSource
from execution.events import LedgerEvent
from execution.margin_call import MarginCall
from execution.orders import Order
from execution.trades import Trade
from market.chains import FloatArray
from market.fills import Fill
from market.trades import Int64Array
from strategies.decisions import Decision
from strategies.views import HeldPackage

__all__ = ["AccountCurve", "DecisionRecord", "FillQuote", "GreeksPath", "RunDescription", "RunResult", "StrategyDays"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCurve:
    """The account at each mark; arrays of shape ``(n_marks,)``, account currency.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instants, ns since the epoch, UTC, rising.
    equity, cash : ndarray
        Cash plus marked value, and cash.
    realised, unrealised, costs, income : ndarray
        Running sums: profit of what was closed; profit of what is open; charges; interest, dividends, borrow and
        funding. ``equity = deposits + realised + unrealised - costs + income`` at every row.
    deposits : ndarray
        Money paid in less money taken out.
    margin : ndarray
        What the positions require; NaN where it cannot be told.
    """

    ts_ns: Int64Array
    equity: FloatArray
    cash: FloatArray
    realised: FloatArray
    unrealised: FloatArray
    costs: FloatArray
    income: FloatArray
    deposits: FloatArray
    margin: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GreeksPath:
    """Greeks of the book and what moved between two marks; arrays of shape ``(n_marks,)``, sums over all positions.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instants, ns since the epoch, UTC, rising.
    spot : ndarray
        Price of the underlying.
    delta_usd, gamma_usd, vega_usd, theta_usd, vanna_usd, volga_usd, charm_usd : ndarray
        Profit terms of the step that *ends* at the instant, from Greeks at its start, account currency.
    rho_usd : ndarray
        The same for the change of the rate.
    total_usd : ndarray
        Marked profit of the step before costs.
    residual_usd : ndarray
        What the terms leave: ``total - sum of terms``.
    """

    ts_ns: Int64Array
    spot: FloatArray
    delta_usd: FloatArray
    gamma_usd: FloatArray
    vega_usd: FloatArray
    theta_usd: FloatArray
    vanna_usd: FloatArray
    volga_usd: FloatArray
    charm_usd: FloatArray
    rho_usd: FloatArray
    total_usd: FloatArray
    residual_usd: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FillQuote:
    """The quotes that an execution is judged by; NaN where a side was absent.

    Parameters
    ----------
    fill_id : str
        The execution.
    decided_ns : int
        Instant of the decision, ns since the epoch, UTC.
    decided_bid, decided_ask : float
        Quote of the instrument that the decision saw.
    bid, ask : float
        Quote at which it was executed.
    """

    fill_id: str
    decided_ns: int
    decided_bid: float
    decided_ask: float
    bid: float
    ask: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision with its instant and the ids of what it was made from.

    Parameters
    ----------
    decision_id : str
        Derived from strategy, parameters, instant and inputs: the same run gives the same id.
    ts_event_ns : int
        ns since the epoch, UTC.
    strategy : str
        Who decided.
    inputs : tuple of (str, str)
        Name and id of each input, such as (``chain SPX``, its cause id).
    decision : Decision
        What it was.
    """

    decision_id: str
    ts_event_ns: int
    strategy: str
    inputs: tuple[tuple[str, str], ...]
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What a run was, so that it can be done again.

    Parameters
    ----------
    name : str
        As the configuration calls it.
    config_digest : str
        SHA-256 of the canonical configuration.
    code_version : str
        Version and commit.
    seed : int
        Of all random numbers.
    fill_model, slippage_model, cost_model : str
        Names with their parameters.
    sources : tuple of DataSource
        What was read.
    simulated : bool
        Whether any input was simulated.
    n_trials : int
        Runs on these data that led to this one, itself included; see the trial ledger.
    currency : str
        Account currency.
    periods_per_year : int
        Days a year of the daily figures: 252 for listed markets, 365 for coins.
    provenance : tuple of (str, str)
        Where the configuration itself comes from, in its own words: the study that a winner was found by.
    """

    name: str
    config_digest: str
    code_version: str
    seed: int
    fill_model: str
    slippage_model: str
    cost_model: str
    sources: tuple[DataSource, ...]
    simulated: bool
    n_trials: int
    currency: str
    periods_per_year: int
    provenance: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDays:
    """What each strategy earned on each day that had a mark; the account's profit is the sum of all and the rest.

    Parameters
    ----------
    strategies : tuple of str
        In the order of the columns.
    end_ns : ndarray of int64, shape (n_days,)
        Last mark of each day, ns since the epoch, UTC.
    pnl : ndarray, shape (n_days, n_strategies)
        Marked profit net of costs, account currency.
    rest : ndarray, shape (n_days,)
        What belongs to no strategy, such as interest on cash, account currency.
    weight : ndarray, shape (n_days, n_strategies)
        Share of the money that each might reckon with; 1 where the money was not shared.
    """

    strategies: tuple[str, ...]
    end_ns: Int64Array
    pnl: FloatArray
    rest: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything that a run leaves, also one that stopped early.

    Parameters
    ----------
    description : RunDescription
        What it was.
    curve : AccountCurve
        The account over time.
    benchmark : ndarray, shape (n_marks,)
        Value of the benchmark with dividends at the instants of `curve`; NaN where there is none.
    greeks : GreeksPath or None
        None where no option was held or the run did not ask for it.
    decisions : tuple of DecisionRecord
        Every decision that was not a plain hold, in order.
    orders : tuple of Order
        Every order at its end.
    fills : tuple of Fill
        In order.
    trades : tuple of Trade
        Closed packages in order of closing.
    open_packages : tuple of HeldPackage
        What was still open at the end.
    ledger : tuple of LedgerEvent
        All bookings in order.
    ledger_digest : str
        Last link of the ledger's hash chain.
    funnel : mapping of str to mapping of str to (int, int)
        By strategy and gate, in the order of the gates: how many candidates met it and how many passed.
    n_views : int
        Views that were decided upon.
    regimes : mapping of str to tuple of (int, str)
        By axis: instant and state at each change.
    counts : mapping of str to int
        What a reader must know in numbers, such as ``marks_carried`` or ``pinned``.
    stopped : str
        Why the run ended before its data; empty where it did not.
    view_ns : ndarray of int64, shape (n_views,)
        Instant of each view, ns since the epoch, UTC, rising.
    fill_quotes : tuple of FillQuote
        Quotes behind the fills, without which slippage is not known; empty where they were not recorded.
    package_greeks : mapping of str to GreeksPath
        The part of each package in `greeks`, by its id; empty where it was not recorded.
    margin_calls : tuple of MarginCall
        Spans without maintenance, in order.
    strategy_days : StrategyDays or None
        The account's days by strategy; None of a record that did not keep them.
    """

    description: RunDescription
    curve: AccountCurve
    benchmark: FloatArray
    greeks: GreeksPath | None
    decisions: tuple[DecisionRecord, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    open_packages: tuple[HeldPackage, ...]
    ledger: tuple[LedgerEvent, ...]
    ledger_digest: str
    funnel: Mapping[str, Mapping[str, tuple[int, int]]]
    n_views: int
    regimes: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    stopped: str = ""
    view_ns: Int64Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    fill_quotes: tuple[FillQuote, ...] = ()
    package_greeks: Mapping[str, GreeksPath] = field(default_factory=dict)
    margin_calls: tuple[MarginCall, ...] = ()
    strategy_days: StrategyDays | None = None
