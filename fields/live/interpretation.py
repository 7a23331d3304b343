"""What a field means against its own past: regimes, signals, feedback and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from math import isfinite, nan
from typing import Final, final

import numpy as np

from fields.amplification import FeedbackUncertainty, feedback_uncertainty, feedback_x_error
from fields.config import FieldConfig, TimeBasis
from fields.flow.features import FlowColumn
from fields.flow.messages import FlowMinute
from fields.illiquidity.config import ImpactMethod
from fields.illiquidity.impact import ImpactEstimate
from fields.live.config import LiveConfig
from fields.live.market import MarketInputs
from fields.regime import AxisReading, RegimeCheckpoint, RegimeInputs, RegimeState
from fields.regime.history import DayHistory, ImpliedVolRank, TrailingDays, implied_vol_rank
from fields.signals import Signal, SignalCheckpoint, SignalInputs, SignalState
from fields.snapshot import FieldSnapshot
from market.chains import FloatArray
from market.provenance import Provenance

__all__ = ["FieldBefore", "Interpretation", "Interpreter", "better_impact", "confidence_of", "with_impact"]

_MINUTE_NS: Final = 60_000_000_000
_MONTH: Final = {TimeBasis.CALENDAR: 30.0 / 365.0, TimeBasis.TRADING: 21.0 / 252.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBefore:
    """What is remembered of the field before.

    Parameters
    ----------
    session : datetime.date
        Its session.
    ts_event_ns : int
        Its instant, ns since the epoch, UTC.
    potential_usd : float
        Potential at its spot node, USD.
    gamma_usd_per_pct : float
        Dealer gamma.
    implied_vol_30d : float
        At-the-money volatility at 30 days, annualised fraction; NaN where unknown.
    """

    session: date
    ts_event_ns: int
    potential_usd: float
    gamma_usd_per_pct: float
    implied_vol_30d: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """What a field means.

    Parameters
    ----------
    feedback : FeedbackUncertainty
        How well loop gain and amplification are known.
    regimes : tuple of AxisReading
        Six axes.
    signals : tuple of Signal
        Four signals.
    implied_vol_30d : float
        At-the-money volatility at 30 days from the surface, annualised fraction; NaN where its expirations do not
        reach there.
    implied_vol_rank : ImpliedVolRank
        Where it stands among the sessions before (Q9).
    """

    feedback: FeedbackUncertainty
    regimes: tuple[AxisReading, ...]
    signals: tuple[Signal, ...]
    implied_vol_30d: float
    implied_vol_rank: ImpliedVolRank


@final
class Interpreter:
    """Regimes and signals of one symbol with their memory; one writer, bounded memory, no clock of its own.

    Parameters
    ----------
    config : LiveConfig
        Settings.
    regime : RegimeCheckpoint, optional
        Regimes to go on from.
    signals : SignalCheckpoint, optional
        Signals to go on from.
    implied_vol : DayHistory, optional
        Implied volatilities of past sessions to go on from.
    """

    def __init__(
        self,
        config: LiveConfig,
        regime: RegimeCheckpoint | None = None,
        signals: SignalCheckpoint | None = None,
        implied_vol: DayHistory | None = None,
    ) -> None:
        self.regime = RegimeState(config.regime, regime)
        self.signals = SignalState(config.signals, config.calibrations, signals)
        self.implied_vol = TrailingDays(config.regime.gex_days, implied_vol)
        """Implied volatility at 30 days by session."""
        self.market = MarketInputs()
        """What is known from other markets."""
        self.before: FieldBefore | None = None
        """The field before; None before the first."""

    def end_session(self) -> None:
        """Let the gamma of the session that has ended go into the quintiles of those that follow."""
        before = self.before
        if before is not None:
            self.regime.close_session(before.session, before.gamma_usd_per_pct)
            self.implied_vol.close_session(before.session, before.implied_vol_30d)

    def read(
        self, snapshot: FieldSnapshot, estimate: ImpactEstimate, minute: FlowMinute | None, ts_ns: int
    ) -> Interpretation:
        """Return what a field means, and remember it.

        Parameters
        ----------
        snapshot : FieldSnapshot
            The field.
        estimate : ImpactEstimate
            Impact estimated from the symbol's own trades; its error counts where the field used it.
        minute : FlowMinute or None
            The last closed minute of flow.
        ts_ns : int
            As-of instant, ns since the epoch, UTC.

        Returns
        -------
        Interpretation
            See there.
        """
        gamma_error, impact = snapshot.totals_error_bound.gamma_usd_per_pct, snapshot.regime.impact_return_per_usd
        known = impact == estimate.return_per_usd
        impact_error = estimate.standard_error if known else nan
        error = feedback_x_error(snapshot.totals.gamma_usd_per_pct, gamma_error, impact, impact_error)
        regime_inputs, volatility = self._regime_inputs(snapshot, error), _implied_vol_30d(snapshot)
        found = Interpretation(
            feedback=feedback_uncertainty(snapshot.regime.feedback_x, error),
            regimes=self.regime.update(regime_inputs, ts_ns),
            signals=self.signals.update(self._signal_inputs(snapshot, minute), ts_ns),
            implied_vol_30d=volatility,
            implied_vol_rank=implied_vol_rank(self.implied_vol.before(snapshot.session), volatility),
        )
        self.before = FieldBefore(
            session=snapshot.session,
            ts_event_ns=snapshot.ts_event_ns,
            potential_usd=_at_spot(snapshot.ladder.potential_usd),
            gamma_usd_per_pct=snapshot.totals.gamma_usd_per_pct,
            implied_vol_30d=volatility,
        )
        return found

    def read_market(self, session: date, close: float, ts_ns: int, cause_id: str) -> Interpretation:
        """Return what can be told without a field: the axes of other markets.

        Parameters
        ----------
        session : datetime.date
            Trading session of the instant.
        close : float
            Newest price of the symbol, USD; NaN where unknown.
        ts_ns : int
            As-of instant, ns since the epoch, UTC.
        cause_id : str
            Id of what the price comes from.

        Returns
        -------
        Interpretation
            What needs a field is UNKNOWN, ``NONE`` or NaN, and says what is missing. Nothing enters the past of the
            signals, of the gamma or of the volatilities.
        """
        return Interpretation(
            feedback=feedback_uncertainty(nan, nan),
            regimes=self.regime.update(self._market_inputs(close, cause_id), ts_ns),
            signals=self.signals.update(_without_field(session, close, self.market, cause_id), ts_ns),
            implied_vol_30d=nan,
            implied_vol_rank=implied_vol_rank(self.implied_vol.before(session), nan),
        )

    def _market_inputs(self, close: float, cause_id: str) -> RegimeInputs:
        market = self.market
        return RegimeInputs(
            vix=market.vix,
            vix9d=market.vix9d,
            adx=market.adx,
            close=close,
            sma=market.sma,
            funding_rate=market.funding_rate,
            funding_interval_h=market.funding_interval_h,
            ltv=market.ltv,
            liquidation_ltv=market.liquidation_ltv,
            cause_id=cause_id,
        )

    def _regime_inputs(self, snapshot: FieldSnapshot, feedback_x_error: float) -> RegimeInputs:
        return replace(
            self._market_inputs(snapshot.spot, snapshot.cause_id),
            feedback_x=snapshot.regime.feedback_x,
            feedback_x_error=feedback_x_error,
            gamma_usd_per_pct=snapshot.totals.gamma_usd_per_pct,
            gamma_error=snapshot.totals_error_bound.gamma_usd_per_pct,
        )

    def _signal_inputs(self, snapshot: FieldSnapshot, minute: FlowMinute | None) -> SignalInputs:
        return SignalInputs(
            session=snapshot.session,
            spot=snapshot.spot,
            gamma_usd_per_pct=snapshot.totals.gamma_usd_per_pct,
            potential_gradient_usd=_at_spot(snapshot.ladder.potential_gradient_usd),
            potential_rate_usd_per_min=self._potential_rate(snapshot),
            cumulative_flow_usd=_cumulative_flow_usd(minute),
            zero_gamma=snapshot.zero_gamma[0].level if snapshot.zero_gamma else nan,
            vanna_usd_per_volpt=snapshot.totals.vanna_usd_per_volpt,
            expected_vol_change_pts=self.market.expected_vol_change_pts,
            cause_id=snapshot.cause_id,
        )

    def _potential_rate(self, snapshot: FieldSnapshot) -> float:
        """Return the change of the potential at the spot node, on the grid that moves with spot, USD per minute."""
        before = self.before
        if before is None or snapshot.ts_event_ns <= before.ts_event_ns:
            return nan
        minutes = (snapshot.ts_event_ns - before.ts_event_ns) / _MINUTE_NS
        return (_at_spot(snapshot.ladder.potential_usd) - before.potential_usd) / minutes


def _without_field(session: date, close: float, market: MarketInputs, cause_id: str) -> SignalInputs:
    return SignalInputs(
        session=session,
        spot=close,
        gamma_usd_per_pct=nan,
        potential_gradient_usd=nan,
        potential_rate_usd_per_min=nan,
        cumulative_flow_usd=nan,
        zero_gamma=nan,
        vanna_usd_per_volpt=nan,
        expected_vol_change_pts=market.expected_vol_change_pts,
        cause_id=cause_id,
    )


def _implied_vol_30d(snapshot: FieldSnapshot) -> float:
    """Return the at-the-money volatility at 30 days; NaN where the fitted expirations do not lie on both sides."""
    surface, tau = snapshot.surface, _MONTH[snapshot.time_basis]
    fitted = surface.tau[surface.source > 0]
    if not fitted.size or not fitted.min() <= tau <= fitted.max():
        return nan
    return float(np.sqrt(surface.variance_at(tau, 0.0) / tau))


def _at_spot(curve: FloatArray) -> float:
    return float(curve[curve.shape[0] // 2])


def _cumulative_flow_usd(minute: FlowMinute | None) -> float:
    if minute is None:
        return nan
    return minute.value(FlowColumn.CVD) * minute.value(FlowColumn.VWAP_DAY)


def better_impact(traded: ImpactEstimate, resting: ImpactEstimate | None) -> ImpactEstimate:
    """Return the impact of a symbol's own trades, or where they say none, that of its order book.

    Parameters
    ----------
    traded : ImpactEstimate
        From trades; NaN where there are too few.
    resting : ImpactEstimate or None
        From a fresh order book. Orders that would arrive are not in it, so it is usually the larger.

    Returns
    -------
    ImpactEstimate
        The resting one only where the traded one is NaN and it is not.
    """
    if isfinite(traded.return_per_usd) or resting is None or not isfinite(resting.return_per_usd):
        return traded
    return resting


def with_impact(settings: FieldConfig, estimate: ImpactEstimate) -> FieldConfig:
    """Return the settings with the estimated impact, where nothing better than an assumption stands in them.

    Parameters
    ----------
    settings : FieldConfig
        Settings of the field.
    estimate : ImpactEstimate
        Impact estimated from the symbol's own trades; NaN where there is none.

    Returns
    -------
    FieldConfig
        The same where the impact is known otherwise or could not be estimated.
    """
    assumed = not isfinite(settings.impact_return_per_usd) or settings.impact_source.startswith("assumed")
    if not assumed or not isfinite(estimate.return_per_usd):
        return settings
    what = "levels" if estimate.method is ImpactMethod.DEPTH else "bars"
    source = f"estimated: {estimate.method.value} over {estimate.n} {what}"
    return replace(settings, impact_return_per_usd=estimate.return_per_usd, impact_source=source)


def confidence_of(snapshot: FieldSnapshot, *, flow_has_hole: bool) -> tuple[float, str]:
    """Return how far a field can be trusted (D125x).

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    flow_has_hole : bool
        Whether the dealers' book was moved by flow of which a part was lost.

    Returns
    -------
    float
        0 to 1: the surface's confidence times the share of open interest that is used, times the quality of the chain
        where the quality checks told one.
    str
        What holds it down most; empty at 1.
    """
    if flow_has_hole:
        return 0.0, "trades were lost on their way, so the dealers' book has a hole"
    surface, counts = snapshot.surface, snapshot.counts
    share = counts.open_interest_used / counts.open_interest_read if counts.open_interest_read else nan
    if not isfinite(share):
        return 0.0, "there is no open interest to judge the field by"
    if not isfinite(surface.overall_confidence):
        return 0.0, surface.overall_reason or "the confidence of the surface is not known"
    quality, by_quality = _quality(snapshot.provenance)
    found = surface.overall_confidence * share * quality
    if quality < 1.0 and quality <= min(surface.overall_confidence, share):
        return found, by_quality
    by_surface = surface.overall_confidence < share
    why = "confidence of the surface" if by_surface else "share of open interest that is used"
    return found, (surface.overall_reason or why) if found < 1.0 else ""


def _quality(provenance: Provenance) -> tuple[float, str]:
    """Return the quality of the chain, 1 where nobody looked, and why it is what it is."""
    quality = provenance.quality
    if quality is None:
        return 1.0, ""
    if not 0.0 <= quality <= 1.0:  # NaN, too: what cannot be a share must not raise a confidence
        return 0.0, f"the quality of the chain is {quality:g}, which is no share"
    return quality, f"quality of the chain: {provenance.quality_reason or 'its checks found faults'}"
