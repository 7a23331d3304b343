"""Settings of one underlying's live state."""

from __future__ import annotations

from dataclasses import dataclass, field

from fields.config import FieldConfig
from fields.dealer.config import DealerConfig, OpeningMode
from fields.flow.config import FlowConfig
from fields.illiquidity.config import ImpactConfig
from fields.live.context_config import ContextConfig
from fields.regime import RegimeConfig
from fields.signals import Calibration, SignalConfig
from fields.signing.config import SigningConfig
from fields.signing.steps import SigningRule, SigningStep, steps_of
from market.errors import ConfigError

__all__ = ["LiveConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveConfig:
    """Settings of one underlying's live state.

    Parameters
    ----------
    fields : FieldConfig
        Settings of the field; its position source is also that of the dealers' book.
    opening : OpeningMode
        How a ``hybrid`` book opens.
    signing : SigningConfig
        How trades get their side; the rule must not need later trades.
    flow : FlowConfig
        Settings of the flow of each minute.
    impact : ImpactConfig
        Settings of the estimated impact, which takes the place of an assumed or unknown one.
    regime : RegimeConfig
        Settings of the regime axes.
    signals : SignalConfig
        Settings of the signals.
    calibrations : tuple of Calibration
        From a signal's strength to a probability, fitted elsewhere; at most one per kind, and none by default.
    cadence_ns : int
        A field is due this long after the one before where anything has changed, event time, ns.
    material_move : float
        A field is due at once where spot has moved this far since the one before, log price.
    book_max_age_ns : int
        An order book older than this is not used for the liquidity by price, ns.
    context : ContextConfig
        What feeds the inputs from other markets.
    """

    fields: FieldConfig = field(default_factory=FieldConfig)
    opening: OpeningMode = OpeningMode.OI_NAIVE
    signing: SigningConfig = field(default_factory=SigningConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    impact: ImpactConfig = field(default_factory=ImpactConfig)
    regime: RegimeConfig = field(default_factory=RegimeConfig)
    signals: SignalConfig = field(default_factory=SignalConfig)
    calibrations: tuple[Calibration, ...] = ()
    cadence_ns: int = 1_000_000_000
    material_move: float = 5e-4
    book_max_age_ns: int = 60_000_000_000
    context: ContextConfig = field(default_factory=ContextConfig)

    def __post_init__(self) -> None:
        if min(self.cadence_ns, self.book_max_age_ns) < 0 or not self.material_move > 0.0:
            raise ConfigError(
                "cadence_ns, book_max_age_ns or material_move is out of range",
                found=f"{self.cadence_ns}, {self.book_max_age_ns}, {self.material_move}",
                expected=">= 0, >= 0, > 0",
            )

        if steps_of(self.signing.rule, prefer_venue=False) >> SigningStep.REVERSE_TICK & 1:
            raise ConfigError(
                "a live state cannot sign by later trades",
                found=self.signing.rule.value,
                expected="a rule without the reverse tick",
                action=f"use {SigningRule.STACKED_LIVE.value}, or sign a recorded history at once",
            )

    @property
    def dealer(self) -> DealerConfig:
        """Settings of the dealers' book."""
        return DealerConfig(source=self.fields.position_source, opening=self.opening)
