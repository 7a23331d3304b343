"""Go with the flow where dealers are short gamma, both ways alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from fields.signals import SignalKind
from market.tradables import Future, Perpetual, Share
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.field_signals.flow import SignalFlow
from strategies.field_signals.terms import SignalTerms
from strategies.views import View

__all__ = ["FieldMomentum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMomentum:
    """Go with the flow where dealers are short gamma, both ways alike.

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
    Where dealers are short gamma they buy rises and sell falls; the signal asks for a potential and for signed flow
    that move one way. Data without trades have no signed flow, and then there is no signal, which the funnel says.
    """

    underlying: str
    instrument: Share | Perpetual | Future | None = None
    terms: SignalTerms = SignalTerms(max_hold_s=3_600.0, stop_distance=1.0)  # noqa: RUF009  # frozen
    name: str = "field_momentum"
    flow: SignalFlow = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flow = SignalFlow(
            name=self.name,
            kind=SignalKind.MOMENTUM,
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
