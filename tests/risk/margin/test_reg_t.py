"""Strategy margin: worked examples of each rule, and the laws that only a best pairing keeps."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.errors import DataError
from market.tradables import Instrument, OptionContract, Perpetual, Share
from risk.margin import pairing
from risk.margin.reg_t import (
    AccountKind,
    MarginReading,
    MarginStage,
    PairingKind,
    RegTRules,
    buying_power_effect,
    strategy_margin,
)
from tests.risk.contracts import FAR, NEAR, option

_RULES = RegTRules()
_KEEP = replace(_RULES, stage=MarginStage.MAINTENANCE)
_CASH = replace(_RULES, account=AccountKind.CASH)
_SPY = Share(symbol="SPY")
Position = tuple[Instrument, Decimal]


def _read(
    *parts: tuple[int, Instrument], spot: str = "100", mark: str = "2", rules: RegTRules = _RULES
) -> MarginReading:
    """Margin of positions whose options are all marked alike."""
    prices = {item.symbol: Decimal(mark) for _, item in parts}
    prices |= {item.underlying: Decimal(spot) for _, item in parts}
    return strategy_margin([(item, Decimal(count)) for count, item in parts], prices, rules)


def _call(strike: float, day: date = NEAR, root: str = "SPY") -> OptionContract:
    return option("C", strike, day=day, root=root)


def _put(strike: float, day: date = NEAR, root: str = "SPY") -> OptionContract:
    return option("P", strike, day=day, root=root)


@pytest.mark.parametrize(
    ("parts", "requirement"),
    [
        # options alone
        ([(1, _call(100))], 0.0),
        ([(-1, _call(100))], 2_200.0),  # 200 + 20 % of 10,000
        ([(-1, _call(105))], 1_700.0),  # less 500 out of the money
        ([(-1, _call(150))], 1_200.0),  # 200 + at least 10 % of the underlying
        ([(-1, _put(95))], 1_700.0),
        ([(-1, _put(50))], 700.0),  # 200 + at least 10 % of the strike
        ([(-1, _call(105)), (-1, _put(95))], 1_900.0),  # greater side and the other's value
        ([(-1, _call(100)), (-1, _put(95))], 2_400.0),
        # spreads
        ([(-1, _call(100)), (1, _call(105))], 500.0),
        ([(1, _call(100)), (-1, _call(105))], 0.0),
        ([(-1, _put(100)), (1, _put(95))], 500.0),
        ([(-1, _call(105)), (1, _call(110)), (-1, _put(95)), (1, _put(90))], 500.0),  # condor: one side only
        ([(-1, _call(105)), (1, _call(110)), (-1, _put(95)), (1, _put(85))], 1_000.0),
        ([(1, _call(95)), (-2, _call(100)), (1, _call(105))], 0.0),  # long butterfly
        ([(-1, _call(95)), (2, _call(100)), (-1, _call(105))], 500.0),  # short butterfly
        ([(1, _put(105)), (-2, _put(100)), (1, _put(90))], 500.0),  # broken wing
        ([(1, _call(95)), (-1, _call(105)), (1, _put(105)), (-1, _put(95))], 0.0),  # long box
        ([(-1, _call(95)), (1, _call(105)), (-1, _put(105)), (1, _put(95))], 1_000.0),  # short box
        ([(-2, _call(100)), (1, _call(105))], 2_700.0),  # one spread, one naked
        ([(-1, _call(100)), (1, _call(180))], 2_200.0),  # so wide that naked asks less
        # time
        ([(-1, _call(100)), (1, _call(100, FAR))], 0.0),  # calendar
        ([(-1, _call(100)), (1, _call(105, FAR))], 500.0),  # diagonal
        ([(1, _call(100)), (-1, _call(100, FAR))], 2_200.0),  # the long one ends first
        # shares
        ([(100, _SPY)], 5_000.0),
        ([(-100, _SPY)], 5_000.0),
        ([(100, _SPY), (-1, _call(105))], 5_000.0),
        ([(100, _SPY), (-1, _call(90))], 5_500.0),  # loan value at the strike only
        ([(-100, _SPY), (-1, _put(95))], 5_000.0),
        ([(-100, _SPY), (-1, _put(105))], 5_750.0),  # bought back at 105
        ([(150, _SPY), (-2, _call(105))], 9_200.0),  # shares cover whole contracts
    ],
)
def test_each_structure_requires_what_its_rule_says(parts: list[tuple[int, Instrument]], requirement: float) -> None:
    """Positions of one underlying at 100, options marked at 2, by the initial rules."""
    prices = {item.symbol: Decimal(2) for _, item in parts} | {"SPY": Decimal(100)}
    reading = strategy_margin([(item, Decimal(count)) for count, item in parts], prices, _RULES)
    assert reading.requirement == requirement
    assert not reading.reason


def test_the_law_of_broad_indices_asks_15_percent() -> None:
    """A naked SPX put at the money: its value and 15 % of the index; VIX is no broad index."""
    assert _read((-1, _put(4000, root="SPXW")), spot="4000", mark="10").requirement == 1_000 + 60_000
    assert _read((-1, _put(20, date(2023, 6, 21), "VIX")), spot="20", mark="1").requirement == 100 + 400


@pytest.mark.parametrize(
    ("parts", "requirement"),
    [
        ([(100, _SPY)], 2_500.0),
        ([(-100, _SPY)], 3_000.0),
        ([(100, _SPY), (1, _put(95))], 1_450.0),  # 10 % of the strike and 500 out of the money
        ([(100, _SPY), (1, _put(50))], 2_500.0),  # protects too little to count
        ([(-100, _SPY), (1, _call(105))], 1_550.0),
        ([(100, _SPY), (-1, _call(90))], 3_250.0),
    ],
)
def test_shares_are_kept_on_less(parts: list[tuple[int, Instrument]], requirement: float) -> None:
    """Maintenance of long and short shares, alone, protected and covering."""
    prices = {item.symbol: Decimal(2) for _, item in parts} | {"SPY": Decimal(100)}
    reading = strategy_margin([(item, Decimal(count)) for count, item in parts], prices, _KEEP)
    assert reading.requirement == requirement


@pytest.mark.parametrize(
    ("parts", "requirement"),
    [
        ([(100, _SPY)], 10_000.0),
        ([(-1, _put(95))], 9_500.0),
        ([(-1, _put(100)), (1, _put(95))], 10_000.0),  # American: no spread in a cash account
        ([(-1, _put(4000, root="SPXW")), (1, _put(3995, root="SPXW"))], 500.0),
        ([(-1, _put(4000, root="SPXW")), (1, _put(3995, FAR, "SPXW"))], 400_000.0),
        ([(100, _SPY), (-1, _call(90))], 10_000.0),
        ([(-1, _call(105))], float("inf")),
        ([(-100, _SPY)], float("inf")),
    ],
)
def test_a_cash_account_secures_all(parts: list[tuple[int, Instrument]], requirement: float) -> None:
    """Shares in full, puts by cash, calls by shares, European cash-settled spreads of one expiry; nothing else."""
    prices = {item.symbol: Decimal(2) for _, item in parts} | {"SPY": Decimal(100), "SPX": Decimal(4000)}
    reading = strategy_margin([(item, Decimal(count)) for count, item in parts], prices, _CASH)
    assert reading.requirement == requirement
    assert bool(reading.reason) is (requirement == float("inf"))


def test_covered_spreads_are_never_charged_as_naked() -> None:
    """Legs of several packages and shares pair over the whole account: one spread of all, one covered call."""
    reading = _read((-2, _call(105)), (2, _call(110)), (-1, _call(120)), (1, _call(115)), (100, _SPY))
    assert {paired.kind: paired.requirement for paired in reading.pairings} == {
        PairingKind.SHARES: 5_000,
        PairingKind.SPREAD: 500,
        PairingKind.COVERED: 0,
    }


def test_two_debit_spreads_that_interleave_require_nothing() -> None:
    """The book of Lean's issue 9638, which greedy grouping charges as a ladder with a naked call, some 12,500."""
    book = ((1, _call(598)), (-1, _call(603)), (1, _call(600)), (-1, _call(605)))
    reading = _read(*book, spot="600", mark="5")
    assert reading.requirement == 0.0
    assert {paired.kind for paired in reading.pairings} == {PairingKind.SPREAD}
    prices = {item.symbol: Decimal(5) for _, item in book} | {"SPY": Decimal(600)}
    added: list[Position] = [(_call(600), Decimal(1)), (_call(605), Decimal(-1))]
    prices |= {_call(600).symbol: Decimal("7.95")}
    held: list[Position] = [(_call(598), Decimal(1)), (_call(603), Decimal(-1))]
    assert buying_power_effect(held, added, prices, _RULES) == pytest.approx(295.0)  # its debit


def test_a_missing_price_gives_no_requirement() -> None:
    """Without the underlying's price, or a mark, the reading is NaN and names what is missing."""
    sold = (_put(95), Decimal(-1))
    for prices, name in (
        ({sold[0].symbol: Decimal(2)}, "SPY"),
        ({"SPY": Decimal(100)}, sold[0].symbol),
        ({"SPY": Decimal("NaN"), sold[0].symbol: Decimal(2)}, "SPY"),
    ):
        reading = strategy_margin([sold], prices, _RULES)
        assert np.isnan(reading.requirement)
        assert np.isnan(reading.buying_power(1e6))
        assert name in reading.reason


def test_the_buying_power_effect_of_a_credit_spread_is_its_largest_loss() -> None:
    """Width less credit at the marks; a debit spread takes its debit; closing frees the same."""
    short, long = _put(100), _put(95)
    prices = {short.symbol: Decimal(3), long.symbol: Decimal(1), "SPY": Decimal(100)}
    spread: list[Position] = [(short, Decimal(-1)), (long, Decimal(1))]
    reverse: list[Position] = [(item, -units) for item, units in spread]
    assert buying_power_effect([], spread, prices, _RULES) == 300.0
    assert buying_power_effect([], reverse, prices, _RULES) == 200.0
    assert buying_power_effect(spread, reverse, prices, _RULES) == -300.0
    assert buying_power_effect([], spread, prices, _RULES, paid_over_marks=Decimal(20)) == 320.0
    assert strategy_margin(spread, prices, _RULES).buying_power(1_000.0) == 700.0


def test_the_broker_primer_gets_the_same_numbers() -> None:
    """Examples of [margin_examples]: a naked put, 3,400; a spread, 580 with its long leg, of which 456 are called."""
    put = _put(200)
    assert _read((-1, put), spot="209", mark="1.20").requirement == 3_400.0
    short, long = _put(125), _put(120)
    prices = {short.symbol: Decimal("1.24"), long.symbol: Decimal("0.80"), "SPY": Decimal(130)}
    spread: list[Position] = [(short, Decimal(-1)), (long, Decimal(1))]
    assert strategy_margin(spread, prices, _RULES).requirement + 80.0 == 580.0
    assert buying_power_effect([], spread, prices, _RULES) == pytest.approx(456.0)


def test_other_instruments_and_parts_of_contracts_are_refused() -> None:
    """Perpetuals have their own margin, and half a contract does not exist."""
    perpetual = Perpetual(symbol="BTC", underlying="BTC", tick=Decimal(1), lot=Decimal(1))
    with pytest.raises(DataError, match="perpetual"):
        strategy_margin([(perpetual, Decimal(1))], {}, _RULES)
    with pytest.raises(DataError, match="fraction"):
        strategy_margin([(_put(95), Decimal("0.5"))], {}, _RULES)


_CONTRACTS = tuple(
    option(right, strike, day=day) for right in "CP" for strike in (90, 95, 100, 110) for day in (NEAR, FAR)
)
_SIGNS = st.lists(st.sampled_from([-1, 1]), min_size=len(_CONTRACTS), max_size=len(_CONTRACTS))
_COUNTS = st.lists(st.sampled_from([0, 0, 1, 2, 3]), min_size=len(_CONTRACTS), max_size=len(_CONTRACTS))
_SHARES = st.sampled_from([0, 0, 100, 250])


def _value(contract: OptionContract, spot: int) -> Decimal:
    """A mark within the bounds of arbitrage: intrinsic and a time value that grows towards the money and with time."""
    away = abs(float(contract.strike) - spot)
    time = 1.0 if contract.series.expiration == NEAR else 2.0
    return contract.intrinsic(Decimal(spot)) + Decimal(repr(round(time * max(4.0 - 0.2 * away, 0.1), 2)))


def _account(signs: list[int], counts: list[int], shares: int, side: int) -> list[Position]:
    held: list[Position] = [
        (contract, Decimal(sign * count)) for contract, sign, count in zip(_CONTRACTS, signs, counts, strict=True)
    ]
    return [row for row in [*held, (_SPY, Decimal(side * shares))] if row[1]]


def _margin(held: list[Position], spot: int, rules: RegTRules = _RULES) -> float:
    prices = {contract.symbol: _value(contract, spot) for contract in _CONTRACTS} | {"SPY": Decimal(spot)}
    return strategy_margin(held, prices, rules).requirement


@settings(max_examples=25, deadline=None)
@given(
    signs=_SIGNS,
    one=_COUNTS,
    other=_COUNTS,
    shares=st.tuples(_SHARES, _SHARES),
    side=st.sampled_from([-1, 1]),
    spot=st.sampled_from([85, 97, 100, 115]),
    rules=st.sampled_from([_RULES, _KEEP]),
)
def test_two_accounts_together_never_require_more(
    signs: list[int], one: list[int], other: list[int], shares: tuple[int, int], side: int, spot: int, rules: RegTRules
) -> None:
    """Where no contract is long in one and short in the other, merging can only help; no requirement is negative."""
    first, second = _account(signs, one, shares[0], side), _account(signs, other, shares[1], side)
    apart = _margin(first, spot, rules) + _margin(second, spot, rules)
    together = _margin(first + second, spot, rules)
    assert 0.0 <= together <= apart + 1e-6


@settings(max_examples=25, deadline=None)
@given(signs=_SIGNS, counts=_COUNTS, shares=_SHARES, side=st.sampled_from([-1, 1]), added=st.sampled_from(_CONTRACTS))
def test_a_further_long_leg_never_raises_the_requirement(
    signs: list[int], counts: list[int], shares: int, side: int, added: OptionContract
) -> None:
    """A bought option covers something or nothing, but takes no cover away."""
    held = _account(signs, counts, shares, side)
    assert _margin([*held, (added, Decimal(1))], 100) <= _margin(held, 100) + 1e-6


@settings(max_examples=25, deadline=None)
@given(signs=_SIGNS, counts=_COUNTS, shares=_SHARES, side=st.sampled_from([-1, 1]))
def test_every_unit_is_counted_once(signs: list[int], counts: list[int], shares: int, side: int) -> None:
    """The pairings hold each contract in full, no more shares than there are, and add up to the requirement."""
    held = _account(signs, counts, shares, side)
    prices = {contract.symbol: _value(contract, 100) for contract in _CONTRACTS} | {"SPY": Decimal(100)}
    reading = strategy_margin(held, prices, _KEEP)
    counted: Counter[str] = Counter()
    behind = Decimal(0)
    for paired in reading.pairings:
        for symbol, units in paired.units:
            if symbol != "SPY":
                counted[symbol] += int(units)
            elif paired.kind is not PairingKind.SHARES:
                behind += abs(units)
    assert {s: c for s, c in counted.items() if c} == {i.symbol: int(q) for i, q in held if i is not _SPY}
    assert behind <= shares
    assert reading.requirement == pytest.approx(float(sum(p.requirement for p in reading.pairings)))


_INDEX = tuple(option(right, strike, root="SPXW") for right in "CP" for strike in range(3900, 4101, 25))


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(-3, 3), min_size=len(_INDEX), max_size=len(_INDEX)))
def test_defined_risk_requires_the_worst_of_a_dense_grid(counts: list[int]) -> None:
    """A European structure with bounded risk requires what the worst settlement price between 3,000 and 5,000 costs."""
    assume(sum(count for item, count in zip(_INDEX, counts, strict=True) if item.is_call) >= 0)
    held = [(item, count) for item, count in zip(_INDEX, counts, strict=True) if count]
    grid = np.arange(0.0, 5_000.5, 0.5)
    value = np.zeros_like(grid)
    for item, count in held:
        gain = grid - float(item.strike) if item.is_call else float(item.strike) - grid
        value += 100.0 * count * np.maximum(gain, 0.0)
    worst = max(-float(value.min()), 0.0)
    # So dear alone that a spread, which may ask less than its loss where it is wide, has to be counted in full.
    dear = replace(_RULES, broad_rate=Decimal(50), least_rate=Decimal(50))
    parts = [(count, item) for item, count in held]
    assert strategy_margin([], {}, dear).requirement == 0.0
    assert not parts or _read(*parts, spot="4000", mark="20", rules=dear).requirement == worst
    assert not parts or _read(*parts, spot="4000", mark="20").requirement <= worst


@settings(max_examples=25, deadline=None)
@given(
    counts=st.dictionaries(st.sampled_from(_CONTRACTS), st.integers(-3, 3), max_size=4),
    shares=st.sampled_from([0, 0, 100, -250]),
    rules=st.sampled_from([_RULES, _KEEP, _CASH]),
)
def test_what_is_told_at_once_is_what_the_programme_finds(
    counts: dict[OptionContract, int], shares: int, rules: RegTRules
) -> None:
    """The short cuts for plain structures give the requirement of the integer programme."""
    held: list[Position] = [(item, Decimal(count)) for item, count in counts.items()]
    held += [(_SPY, Decimal(shares))] if shares else []
    quick = _margin(held, 100, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_alone", lambda *_: None)
        patch.setattr(pairing, "_obvious", lambda *_, **__: None)
        assert quick == pytest.approx(_margin(held, 100, rules))


def test_a_search_that_is_cut_asks_for_too_much_and_says_so() -> None:
    """Without a single branch each short leg is charged alone: more than the best pairing, and marked."""
    book = ((2, _call(95)), (-3, _call(100)), (1, _call(105, FAR)), (-2, _put(95)), (1, _put(90, FAR)), (100, _SPY))
    best = _read(*book)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_MOST_NODES", 0)
        cut = _read(*book)
    assert best.is_best
    assert not cut.is_best
    assert best.requirement < cut.requirement < float("inf")


# Contracts by symbol, strike, count and mark: in single dollars the solver repaired its answer and printed so.
_TANGLED = """
P82.5 n 1 1.02, C102.5 f -2 .22, P80 n 9 4.69, P102.5 f -5 2.77, P107.5 n 6 10.2, P117.5 f -5 22.07, C87.5 n 1 13.22,
P82.5 f -7 .88, P90 n 1 2.8, P102.5 n 1 4.03, P110 f 7 15.22, C110 n -9 1.95, P112.5 n 4 13.99, C105 f -3 7.09,
P87.5 n -2 4.74, C80 n 3 22.44, P117.5 n -8 24.79, C82.5 n -2 22.77, C102.5 n -6 2.92, C110 f -2 6.49, P80 f 1 5.61
"""


def test_a_tangled_book_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """The programme's solver is a C library that writes past Python; a line of it would break what is told as JSON."""
    positions: list[Position] = []
    prices = {"SPY": Decimal(100)}
    for words in _TANGLED.replace("\n", " ").split(","):
        name, day, count, mark = words.split()
        contract = option(name[0], float(name[1:]), day=NEAR if day == "n" else FAR)
        positions.append((contract, Decimal(count)))
        prices[contract.symbol] = Decimal(mark)
    reading = strategy_margin(positions, prices, _RULES)
    ctypes.CDLL(None).fflush(None)  # what C has buffered, it has printed
    assert capfd.readouterr() == ("", "")
    assert reading.is_best
    assert reading.requirement > 0.0
