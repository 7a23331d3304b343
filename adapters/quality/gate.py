"""A feed behind the quality checks: each chain comes with a score and what costs most of it."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Final, final

from adapters.quality.chain_checks import check_chain
from adapters.quality.findings import Check, Finding, Severity, score_of
from adapters.quality.live_checks import ChainHistory
from adapters.quality.tick_checks import check_quotes, check_trades
from market.chains import OptionChain
from market.ports import FeedFactory, MarketBatch, MarketFeed, close_feed, counts_of
from market.provenance import Provenance

__all__ = ["GatedFactory", "GatedFeed", "judged"]

_LOG: Final = logging.getLogger("hedgefield.quality")


def judged(provenance: Provenance, findings: list[Finding]) -> Provenance:
    """Return a provenance with the quality that findings leave, and what costs most of it.

    Parameters
    ----------
    provenance : Provenance
        One that was judged before keeps the lower quality.
    findings : list of Finding
        Of one message.

    Returns
    -------
    Provenance
        Its quality is `adapters.quality.findings.score_of`.
    """
    score = score_of(findings)
    if provenance.quality is not None and provenance.quality <= score:
        return provenance
    worst = min(findings, key=lambda item: score_of([item]), default=None)
    told = worst is not None and score < 1.0
    reason = f"{worst.reason} ({worst.count} of {worst.n_checked})" if worst is not None and told else ""
    return replace(provenance, quality=score, quality_reason=reason)


@final
class GatedFeed:
    """Judges what another feed delivers; nothing is left out.

    Parameters
    ----------
    feed : MarketFeed
        The other feed.
    """

    def __init__(self, feed: MarketFeed) -> None:
        self.feed = feed
        self._histories: defaultdict[str, ChainHistory] = defaultdict(ChainHistory)
        self._counts: Counter[str] = Counter()
        self._told: dict[str, frozenset[Check]] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self.feed.symbols

    @property
    def counts(self) -> dict[str, int]:
        """Rows found so far, such as ``chain.crossed`` and ``quotes.locked``, beside the counts of the feed itself."""
        return {**counts_of(self.feed), **self._counts}

    def delay_s(self) -> float:
        """Return how long after the previous batch the next one is due, as the feed says."""
        return self.feed.delay_s()

    def rewind(self, sequence: int) -> None:
        """Continue after a batch; what was remembered of later ones is forgotten.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.
        """
        self.feed.rewind(sequence)
        self._histories.clear()

    def close(self) -> None:
        """Close the feed."""
        close_feed(self.feed)

    def next_batch(self) -> MarketBatch | None:
        """Return the feed's next batch, its chains judged, or None where the feed has ended."""
        batch = self.feed.next_batch()
        if batch is None:
            return None
        for quotes in batch.quotes:
            self._count("quotes", check_quotes(quotes))
        for trades in batch.trades:
            self._count("trades", check_trades(trades))
        return replace(batch, chains=tuple(self._judged(chain) for chain in batch.chains)) if batch.chains else batch

    def _judged(self, chain: OptionChain) -> OptionChain:
        findings = [*check_chain(chain), *self._histories[chain.symbol].check(chain)]
        self._count("chain", findings)
        self._tell(chain, findings)
        return replace(chain, provenance=judged(chain.provenance, findings))

    def _count(self, kind: str, findings: list[Finding]) -> None:
        for item in findings:
            self._counts[f"{kind}.{item.check.value}"] += item.count

    def _tell(self, chain: OptionChain, findings: list[Finding]) -> None:
        """Log what a symbol's chains suffer from when that changes, not with each chain."""
        serious = [item for item in findings if item.severity is not Severity.INFO]
        checks = frozenset(item.check for item in serious)
        if checks != self._told.get(chain.symbol, frozenset()):
            words = "; ".join(f"{item.reason} ({item.count} of {item.n_checked})" for item in serious)
            _LOG.warning("%s: quality %.2f: %s", chain.symbol, score_of(findings), words or "nothing wrong any more")
        self._told[chain.symbol] = checks


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedFactory:
    """A picklable recipe for a `GatedFeed`.

    Parameters
    ----------
    factory : FeedFactory
        Opens the feed that is judged.
    """

    factory: FeedFactory

    def __call__(self) -> GatedFeed:
        """Open the feed."""
        return GatedFeed(self.factory())
