"""What a symbol's history adds to the field of its chain: dealers' book, flow, impact, regimes and signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fields.amplification import FeedbackUncertainty
from fields.flow.messages import FlowMinute
from fields.illiquidity.impact import ImpactEstimate
from fields.live.market import MarketInputs
from fields.regime import AxisReading
from fields.regime.history import ImpliedVolRank
from fields.signals import Signal

__all__ = ["BookReading", "DealerReading", "LiveReadings", "StreamReading"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReading:
    """The order book behind a field.

    Parameters
    ----------
    market : str
        Whose book it is, such as ``BTC/USDT:USDT``; empty without one.
    age_s : float
        Seconds from the book to the field; NaN without one.
    mid : float
        Middle of its best prices, quote currency per unit; NaN where a side is empty.
    spread : float
        Distance of its best prices over the middle, fraction; NaN where a side is empty.
    return_per_usd : float
        Impact that its resting orders imply, log price per USD; NaN where they do not tell.
    is_used : bool
        Whether the potential's liquidity by price stands on it; volume at price or a constant does where not.
    reason : str
        Why it is not used; empty where it is.
    """

    market: str
    age_s: float
    mid: float
    spread: float
    return_per_usd: float
    is_used: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerReading:
    """The dealers' book in a few numbers.

    Parameters
    ----------
    opened_by : str
        What the book was opened by: a convention on open interest, a user's vector, or nothing.
    net_flow_contracts : float
        Sum over all contracts of what dealers have taken on since the open interest was counted, + bought.
    gross_flow_contracts : float
        Sum of its absolute values.
    mean_standard_error : float
        Mean standard error of a contract's position, contracts; NaN without a known position.
    capped : int
        Contracts whose estimate lay beyond what can be open and was moved onto it.
    unknown : int
        Contracts of the chain without a known position.
    trades, signed : int
        Option trades that the book was told, and those of them with a side.
    is_complete : bool
        False where trades were lost on their way since the book was opened.
    reasons : mapping of str to int
        How many contracts stand on less than their open interest, by why.
    note : str
        Why the book was opened anew within a run; empty where it was not.
    """

    opened_by: str
    net_flow_contracts: float
    gross_flow_contracts: float
    mean_standard_error: float
    capped: int
    unknown: int
    trades: int
    signed: int
    is_complete: bool
    reasons: Mapping[str, int]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReading:
    """What became of the messages since the start.

    Parameters
    ----------
    quotes, quotes_late, quotes_unlisted : int
        Option quotes applied; dropped because a newer one stood; dropped because the chain does not hold the contract.
    trades, trades_unsigned, trades_late, trades_repeated : int
        Trades taken, without a side, that came after a newer one of their contract, and told twice.
    chains_late : int
        Chains of a session before the one that is open; dropped.
    rows_broken : int
        Quotes and trades that cannot be what they say, such as one without a price or from the future; dropped.
    books_late : int
        Order books that came after a newer one; dropped.
    rows_lost : int
        Quotes and trades that were lost on their way.
    before_chain : int
        Quotes and trades that came before the first chain and could not be placed.
    coalesced : int
        Messages that changed the state without a field of their own.
    clock_jumps : int
        Messages whose instant lay before what the state already knew.
    """

    quotes: int
    quotes_late: int
    quotes_unlisted: int
    trades: int
    trades_unsigned: int
    trades_late: int
    trades_repeated: int
    rows_lost: int
    before_chain: int
    coalesced: int
    clock_jumps: int
    chains_late: int = 0
    rows_broken: int = 0
    books_late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReadings:
    """What history adds to a field.

    Parameters
    ----------
    dealer : DealerReading
        The dealers' book.
    impact : ImpactEstimate
        Impact estimated from this symbol's own trades; the field says which one it used.
    feedback : FeedbackUncertainty
        How well loop gain and amplification are known.
    decay_wind : float
        Return that hedging of charm alone is expected to make until the close; NaN where unknown.
    flow : FlowMinute or None
        The last closed minute; None before the first.
    regimes : tuple of AxisReading
        Six axes.
    signals : tuple of Signal
        Four signals, most often without a direction.
    implied_vol_30d : float
        At-the-money volatility at 30 days from the surface, annualised fraction; NaN where its expirations do not
        reach there.
    implied_vol_rank : ImpliedVolRank
        Where it stands among the sessions before.
    stream : StreamReading
        What became of the messages.
    confidence : float
        0 to 1: the surface's confidence times the share of open interest that is used, times the quality of the chain
        where it was checked; 0 where trades were lost.
    confidence_reason : str
        What holds it down most; empty where nothing does.
    reasons : mapping of str to str
        Why a number is missing that has no reason of its own, by its name.
    book : BookReading or None
        The order book of the underlying, and whether the liquidity by price stands on it.
    market : MarketInputs
        What the field knew from other markets.
    """

    dealer: DealerReading
    impact: ImpactEstimate
    feedback: FeedbackUncertainty
    decay_wind: float
    flow: FlowMinute | None
    regimes: tuple[AxisReading, ...]
    signals: tuple[Signal, ...]
    implied_vol_30d: float
    implied_vol_rank: ImpliedVolRank
    stream: StreamReading
    confidence: float
    confidence_reason: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    book: BookReading | None = None
    market: MarketInputs = field(default_factory=MarketInputs)
