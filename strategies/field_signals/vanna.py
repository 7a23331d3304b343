"""Trade what dealers must buy or sell when volatility changes as expected: vanna rally or crash."""

from __future__ import annotations

from dataclasses import dataclass, field

from fields.signals import SignalKind
from market.tradables import Future, Perpetual, Share
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.field_signals.flow import SignalFlow
from strategies.field_signals.terms import SignalTerms
from strategies.views import View

__all__ = ["VannaDrift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VannaDrift:
    """Trade what dealers must buy or sell when volatility changes as expected: vanna rally or crash.

    Parameters
    ----------
    underlying : str
        Symbol whose field is read.
    instrument : Share, Perpetual or Future, optional
        What is traded where the vehicle is the underlying.
    terms : SignalTerms, optional
        When a signal counts, how much is risked, and when it ends.
    name : str, optional
        Tells strategies of one account apart.

    Notes
    -----
    The signal needs an expected change of volatility, which is told from outside; without one it is never given, and
    the funnel says so.
    """

    underlying: str
    instrument: Share | Perpetual | Future | None = None
    terms: SignalTerms = SignalTerms(max_hold_s=10_800.0, stop_distance=1.5)  # noqa: RUF009  # frozen
    name: str = "vanna"
    flow: SignalFlow = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flow = SignalFlow(
            name=self.name,
            kind=SignalKind.VANNA,
            underlying=self.underlying,
            instrument=self.instrument,
            terms=self.terms,
        )
        object.__setattr__(self, "flow", flow)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the stop is counted in."""
        return self.flow.features

    def decide(self, view: View) -> Decision:
        """Return an exit where one is due, else an entry where everything allows it, else a hold."""
        return self.flow.decide(view)
