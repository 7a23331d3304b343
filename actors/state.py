"""What one shard knows of its symbols, without a process around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, final

from actors.messages import Publication, ShardBatch, SymbolStatus
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from market.chains import OptionChain
from market.clock import Clock
from market.errors import TradingError

__all__ = ["FieldFunction", "Impact", "ShardConfig", "ShardCounts", "ShardState"]

_NS_PER_S: Final = 1_000_000_000
_NAN: Final = float("nan")


class FieldFunction(Protocol):
    """The field computation, as `fields.compute.compute_field` gives it."""

    def __call__(self, chain: OptionChain, config: FieldConfig, /) -> FieldSnapshot:
        """Return the field of a chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Price impact of one symbol.

    Parameters
    ----------
    return_per_usd : float
        Fractional price move per USD of signed flow; NaN where unknown.
    source : str
        Where it comes from: ``assumed``, ``settings`` or ``simulated``.
    """

    return_per_usd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardConfig:
    """Settings of one shard.

    Parameters
    ----------
    name : str
        Name, as placement uses it.
    run_id : str
        Identity of the run; sequences of another run mean nothing to this one.
    fields : FieldConfig
        Settings of every field; the impact is replaced by that of the symbol.
    impacts : mapping of str to Impact
        By symbol; a symbol that is not listed keeps the impact of `fields`.
    stale_after_s : float
        A field older than this is stale, seconds since the feed had its chain.
    """

    name: str
    run_id: str
    fields: FieldConfig = field(default_factory=FieldConfig)
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    stale_after_s: float = 10.0


@dataclass(slots=True, kw_only=True)
class ShardCounts:
    """Counts since the shard started.

    Parameters
    ----------
    updates : int
        Fields computed.
    failed : int
        Chains that gave no field.
    out_of_order : int
        Chains dropped because an equal or newer one had been seen.
    compute_ns : int
        Time spent computing, ns.
    """

    updates: int = 0
    failed: int = 0
    out_of_order: int = 0
    compute_ns: int = 0


@final
class ShardState:
    """Fields of many symbols, each computed from the newest chain.

    Parameters
    ----------
    config : ShardConfig
        Settings.
    compute : callable
        The field computation.
    clock : Clock
        Where ages and publication times come from.
    sequence : int, optional
        Newest batch that `publications` covers; -1 for none.
    publications : iterable of Publication, optional
        Restored from a checkpoint; they are stale until the feed has caught the shard up.
    """

    def __init__(
        self,
        config: ShardConfig,
        compute: FieldFunction,
        clock: Clock,
        *,
        sequence: int = -1,
        publications: tuple[Publication, ...] = (),
    ) -> None:
        self._config, self._compute, self._clock = config, compute, clock
        self._sequence = sequence
        self._latest = {p.snapshot.symbol: replace(p, catching_up=True) for p in publications}
        self._seen = {p.snapshot.symbol: p.batch_sequence for p in publications}
        self._reasons: dict[str, str] = {}
        self._settings: dict[str, FieldConfig] = {}
        self._catching_up = bool(publications)
        self.counts = ShardCounts()

    @property
    def sequence(self) -> int:
        """Newest batch processed; -1 for none."""
        return self._sequence

    @property
    def catching_up(self) -> bool:
        """Whether the shard knows that it is behind the feed."""
        return self._catching_up

    @property
    def reasons(self) -> Mapping[str, str]:
        """By symbol, why its last chain gave no field."""
        return dict(self._reasons)

    @property
    def publications(self) -> tuple[Publication, ...]:
        """Latest publication of each symbol."""
        return tuple(self._latest.values())

    def on_batch(self, message: ShardBatch) -> list[Publication]:
        """Compute the fields of a batch and return what is new.

        Parameters
        ----------
        message : ShardBatch
            Chains of this shard's symbols; none, where the feed only says that the shard has caught up.

        Returns
        -------
        list of Publication
            One for each chain that gave a field. When the batch ends a catch-up, also the other symbols' fields,
            which are current again.
        """
        was_behind, self._catching_up = self._catching_up, message.sequence < message.live_sequence
        fresh = [
            published
            for part in message.parts
            for chain in part.chains
            if (published := self._update(chain, message, part.sequence)) is not None
        ]
        self._sequence = max(self._sequence, message.sequence)
        return fresh + self._released({p.snapshot.symbol for p in fresh}) if was_behind else fresh

    def _update(self, chain: OptionChain, message: ShardBatch, sequence: int) -> Publication | None:
        if sequence <= self._seen.get(chain.symbol, -1):
            self.counts.out_of_order += 1
            return None
        self._seen[chain.symbol] = sequence
        snapshot = self._field(chain)
        if snapshot is None:
            return None
        self._latest[chain.symbol] = Publication(
            snapshot=snapshot,
            batch_sequence=sequence,
            received_ns=message.received_ns,
            published_ns=self._clock.now_ns(),
            catching_up=self._catching_up,
            shard=self._config.name,
        )
        return self._latest[chain.symbol]

    def _field(self, chain: OptionChain) -> FieldSnapshot | None:
        started = self._clock.now_ns()
        try:
            snapshot = self._compute(chain, self._settings_of(chain.symbol))
        except TradingError as error:
            self._reasons[chain.symbol] = str(error)
        except Exception as error:  # noqa: BLE001  # one symbol's fault must not stop the others
            self._reasons[chain.symbol] = f"unexpected {type(error).__name__}: {error}"
        else:
            self._reasons.pop(chain.symbol, None)
            self.counts.updates += 1
            self.counts.compute_ns += self._clock.now_ns() - started
            return snapshot
        self.counts.failed += 1
        return None

    def _settings_of(self, symbol: str) -> FieldConfig:
        known = self._settings.get(symbol)
        if known is None:
            known = self._config.fields
            impact = self._config.impacts.get(symbol)
            if impact is not None:
                known = replace(known, impact_return_per_usd=impact.return_per_usd, impact_source=impact.source)
            self._settings[symbol] = known
        return known

    def _released(self, fresh: set[str]) -> list[Publication]:
        if self._catching_up:
            return []
        held = [s for s, p in self._latest.items() if p.catching_up and s not in fresh]
        for symbol in held:
            self._latest[symbol] = replace(self._latest[symbol], catching_up=False)
        return [self._latest[symbol] for symbol in held]

    def status(self, now_ns: int) -> tuple[SymbolStatus, ...]:
        """Return how fresh each symbol is.

        Parameters
        ----------
        now_ns : int
            Current instant, machine clock, ns since the epoch, UTC.

        Returns
        -------
        tuple of SymbolStatus
            One per symbol that has ever had a chain.
        """
        return tuple(self._status(symbol, now_ns) for symbol in self._seen)

    def _status(self, symbol: str, now_ns: int) -> SymbolStatus:
        latest = self._latest.get(symbol)
        age_s = _NAN if latest is None else (now_ns - latest.received_ns) / _NS_PER_S
        failure = self._reasons.get(symbol, "")
        old = latest is None or age_s > self._config.stale_after_s
        reason = failure or ("catching up after a restart" if self._catching_up else "")
        return SymbolStatus(
            symbol=symbol,
            sequence=-1 if latest is None else latest.batch_sequence,
            age_s=age_s,
            stale=old or self._catching_up or bool(failure),
            catching_up=self._catching_up,
            reason=reason or (f"no chain for more than {self._config.stale_after_s:g} s" if old else ""),
        )
