"""Shapes of the answers, for the documentation of the interface only: the hot path sends bytes that were made once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Alive", "FieldDocument", "LiveDocument", "Ready", "SymbolList", "SymbolRow"]


class Alive(BaseModel):
    """The process answers.

    Parameters
    ----------
    status : str
        Always ``alive``.
    """

    status: str = Field(examples=["alive"])


class Ready(BaseModel):
    """Every expected symbol has a field.

    Parameters
    ----------
    ready : bool
        Always true; otherwise the answer is 503.
    symbols : int
        How many symbols are expected.
    failed : dict of str to str
        Symbols whose chains give no field, and why; they do not hold readiness up.
    bus : str
        ``connected`` or ``reconnecting``; fields that are held keep being served, marked stale, while it reconnects.
    """

    ready: bool
    symbols: int
    failed: dict[str, str]
    bus: str = Field(examples=["connected"])


class SymbolRow(BaseModel):
    """One symbol in a few numbers.

    Parameters
    ----------
    symbol : str
        Underlying.
    ready : bool
        Whether it has a field; without one, only the state is given.
    stale : bool
        Whether its field is old.
    stale_reason : str or None
        Why.
    catching_up : bool
        Whether its shard is down or replays what it missed.
    spot : float or None
        Reference price.
    gamma_usd_per_pct : float or None
        Dealer gamma, USD per 1 %.
    zero_gamma_nearest : float or None
        Nearest zero-gamma level.
    amplification : float or None
        A = 1 / (1 + x).
    feedback : str or None
        State of the dealer feedback.
    confidence : float or None
        0 to 1: the surface's confidence times the share of open interest used; 0 where trades were lost.
    simulated : bool or None
        Whether any input is simulated.
    age_s : float or None
        Seconds since the feed had the chain.
    """

    symbol: str
    ready: bool
    stale: bool
    stale_reason: str | None
    catching_up: bool
    spot: float | None = None
    gamma_usd_per_pct: float | None = None
    zero_gamma_nearest: float | None = None
    amplification: float | None = None
    feedback: str | None = None
    confidence: float | None = None
    simulated: bool | None = None
    age_s: float | None = None


class SymbolList(BaseModel):
    """All symbols.

    Parameters
    ----------
    symbols : list of SymbolRow
        In alphabetical order.
    stale_after_s : float
        Age at which a field counts as stale, seconds.
    """

    symbols: list[SymbolRow]
    stale_after_s: float


class LiveDocument(BaseModel):
    """What the trades and quotes of a symbol add to the field of its chain.

    Parameters
    ----------
    confidence : float or None
        0 to 1; 0 where trades were lost.
    confidence_reason : str
        What holds it down most; empty where nothing does.
    regimes : dict or list
        In the summary ``{axis: {state, margin}}``; the margin is the distance to the nearest border, > 0 inside, in the
        unit of the axis's input. In the full answer a list with ``margin_input``, ``margin_to``, ``since``, ``reason``.
    signals : list
        In the summary those with a direction, ``LONG`` or ``SHORT``; in the full answer all four with reasons. The
        confidence is null without a calibration.
    dealer : dict
        The dealers' book: what it was opened by, and whether all trades since have come. Full: counts and errors in
        contracts, > 0: dealers long.
    rows_lost : int or None
        Quotes and trades that were lost on their way; summary only, in the full answer ``stream.rows_lost``.
    impact, feedback : dict or None
        Full only. Price impact per USD of signed flow (+ bought) with its method; loop gain x, amplification with its
        interval.
    decay_wind : float or None
        Full only. Return that the hedging of charm alone makes until the close.
    flow : dict or None
        Full only. The last closed minute: ``values``, ``units`` and ``reasons`` by name; null before the first.
    implied_vol_30d : float or None
        Full only. At-the-money volatility at 30 days, annualised fraction.
    implied_vol_rank, stream : dict or None
        Full only. Where that stands among the sessions before; what became of the messages.
    book : dict or None
        Full only. The order book of the underlying, and whether the liquidity by price stands on it.
    market : dict or None
        Full only. What the field knew from other markets: ``values``, ``cross``, ``ages_s`` and ``reasons``.
    """

    confidence: float | None
    confidence_reason: str
    regimes: dict[str, Any] | list[dict[str, Any]]
    signals: list[dict[str, Any]]
    dealer: dict[str, Any]
    rows_lost: int | None = None
    impact: dict[str, Any] | None = None
    feedback: dict[str, Any] | None = None
    decay_wind: float | None = None
    flow: dict[str, Any] | None = None
    implied_vol_30d: float | None = None
    implied_vol_rank: dict[str, Any] | None = None
    stream: dict[str, Any] | None = None
    book: dict[str, Any] | None = None
    market: dict[str, Any] | None = None


class FieldDocument(BaseModel):
    """A symbol's field; further members are the same as those of ``hedgefield fields --json``.

    Parameters
    ----------
    age_s : float
        Seconds since the feed had the chain, on the machine's clock.
    stale : bool
        Whether the field is older than the limit or its shard is catching up.
    stale_reason : str or None
        Why it is stale.
    catching_up : bool
        Whether its shard is down or replays what it missed.
    symbol, session, as_of : str
        Underlying, trading session and as-of instant of the chain (on the feed's own clock).
    spot : float or None
        Reference price; ``spot_source`` says how it was found.
    spot_source, position_source, dynamics, clock : str
        Stated conventions.
    simulated : bool
        Whether any input is simulated.
    contracts : dict
        Read, used and dropped by reason.
    dex_usd, gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : float or None
        Exposures at spot, units in the names.
    zero_gamma : list
        All roots, nearest first; empty with a reason.
    walls : dict
        Call, put and absolute wall.
    amplification : float or None
        A = 1 / (1 + x).
    totals_error, totals_error_bound : dict
        Standard errors of the totals at spot, with contracts independent, and with errors that all lean one way.
    hedge_flow_at_spot : dict
        What dealers are expected to trade, USD, > 0: they buy; for one vol point up, and from now to the close.
    zero_delta : list
        Prices at which the dealers' net delta is zero.
    effective_gamma_usd_per_pct : float or None
        Change of dealer delta per 1 % with volatility following spot, USD.
    surface : dict
        Fit of the volatility surface: confidence (0 to 1), ``rmse_vol`` (annualised fraction), share inside the quotes.
    live : LiveDocument
        What history adds: the state of it in the summary; all of it with ``detail=full``.
    timings_ms : dict
        Wall time of each stage, milliseconds.
    """

    model_config = ConfigDict(extra="allow")

    age_s: float
    stale: bool
    stale_reason: str | None
    catching_up: bool
    symbol: str
    session: str
    as_of: str
    spot: float | None
    spot_source: str
    position_source: str
    dynamics: str
    clock: str
    simulated: bool
    contracts: dict[str, Any]
    dex_usd: float | None
    gamma_usd_per_pct: float | None
    vanna_usd_per_volpt: float | None
    charm_usd_per_min: float | None
    zero_gamma: list[dict[str, Any]]
    walls: dict[str, Any]
    amplification: float | None
    totals_error: dict[str, float | None]
    totals_error_bound: dict[str, float | None]
    hedge_flow_at_spot: dict[str, float | None]
    zero_delta: list[dict[str, Any]]
    effective_gamma_usd_per_pct: float | None
    surface: dict[str, Any]
    live: LiveDocument
    timings_ms: dict[str, float]
