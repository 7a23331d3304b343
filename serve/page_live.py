"""What the page says of a symbol's history: tables made of live readings and of the field, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from actors.messages import Publication
from cluster.pictures.figures import short_usd
from fields.flow.features import FLOW_FEATURES, FeatureKind
from fields.live.market import INPUT_UNITS
from fields.regime import AxisReading
from fields.signals import Direction, Signal
from fields.surface.message import SliceSource
from market.clock import datetime_of_ns

__all__ = [
    "book_table",
    "flow_table",
    "hedge_table",
    "impact_table",
    "inputs_table",
    "regimes_table",
    "signals_table",
    "slices_table",
    "stream_table",
    "surface_table",
    "totals_table",
]

_KIND = {
    FeatureKind.GEX_FLOW: "Gamma flow",
    FeatureKind.DEX_FLOW: "Delta flow",
    FeatureKind.SHARE_FLOW: "Flow of the underlying",
    FeatureKind.ZSCORE: "Z-scores",
    FeatureKind.DISTANCE: "Distances",
    FeatureKind.RATIO: "Ratios",
    FeatureKind.DIVERGENCE: "Divergences",
    FeatureKind.RAW: "Readings",
}
_DASH = "—"
_NO_ERROR = "the input has no standard error, so no probability"
_LARGE = 10_000.0
_SMALL = 0.001


def regimes_table(publication: Publication) -> str:
    """Return the six axes: state, distance to the nearest border, since when, and why one is unknown."""
    heads = ("axis", "state", "margin to the nearest border")
    return _table(heads, [_regime_row(reading) for reading in publication.live.regimes])


def signals_table(publication: Publication) -> str:
    """Return the four signals with direction, strength and confidence, or why there is none."""
    heads = ("signal", "direction", ">strength, z", "confidence")
    return _table(heads, [_signal_row(signal) for signal in publication.live.signals])


def totals_table(publication: Publication) -> str:
    """Return the totals with standard errors: with contracts independent, and all leaning one way."""
    found = publication.snapshot
    names = {
        "gamma_usd_per_pct": "gamma, $ per 1 %",
        "dex_usd": "delta (DEX), $",
        "vanna_usd_per_volpt": "vanna, $ per vol point",
        "charm_usd_per_min": "charm, $ per minute",
    }
    rows = []
    for member, name in names.items():
        why = found.reasons.get(member) or "the dealers' positions are not known well enough for an error"
        rows.append(
            [
                _head(name),
                _amount(getattr(found.totals, member), why),
                _amount(getattr(found.totals_error, member), why, "± "),
                _amount(getattr(found.totals_error_bound, member), why, "± "),
            ]
        )
    return _table(("total", ">value", ">standard error", ">if all err one way"), rows)


def book_table(publication: Publication) -> str:
    """Return what the dealers' book was opened by and what it has been told."""
    book = publication.live.dealer
    rows = [
        ("opened by", book.opened_by.replace("oi_naive", "OI naive").replace("_", " ")),
        ("option trades", f"{book.trades:,}: {book.signed:,} signed, {book.trades - book.signed:,} without a side"),
        ("complete", "yes" if book.is_complete else "no: trades were lost since the book was opened"),
        (
            "net flow, contracts",
            f"{book.net_flow_contracts:+,.0f} ({'bought' if book.net_flow_contracts > 0 else 'sold'} by dealers)",
        ),
        ("gross flow, contracts", f"{book.gross_flow_contracts:,.0f}"),
        ("mean standard error", _text(book.mean_standard_error, "{:,.1f} contracts", "no position is known")),
        ("moved onto what can be open", f"{book.capped:,} contracts"),
        ("without a known position", f"{book.unknown:,} contracts"),
    ]
    rows += [(f"less than open interest: {why}", f"{count:,}") for why, count in book.reasons.items()]
    return _pairs(rows + ([("note", book.note)] if book.note else []))


def hedge_table(publication: Publication) -> str:
    """Return the expected trades at spot."""
    flow = publication.snapshot.hedge_flow
    here = flow.price.shape[0] // 2
    minutes = flow.minutes_to_close
    why = flow.to_close_reason or "unknown"
    return _pairs(
        [
            ("one vol point up", _trade(float(flow.buy_for_vol_point_usd[here]), "unknown at spot")),
            ("from now to the close", _trade(float(flow.buy_to_close_usd[here]), why)),
            ("minutes to the close", _text(minutes, "{:,.0f}", why)),
            (
                "gamma with volatility following",
                _text_usd(publication.snapshot.effective_gamma_usd_per_pct, " per 1 %"),
            ),
            ("decay wind to the close", _text(publication.live.decay_wind, "{:+.3%}", "charm or impact is unknown")),
        ]
    )


def impact_table(publication: Publication) -> str:
    """Return price impact with its method, and the amplification with its interval."""
    impact, feedback = publication.live.impact, publication.live.feedback
    used = publication.snapshot.regime
    why = feedback.reason or "not bounded"
    interval = f"{feedback.amplification_low:.3f} to {feedback.amplification_high:.3f} ({feedback.confidence:.0%})"
    bounded = feedback.amplification_low == feedback.amplification_low
    if bounded and feedback.amplification_high != feedback.amplification_high:  # NaN
        interval = f"from {feedback.amplification_low:.3f}, not bounded above: x may reach −1"
    rows = [
        ("impact in use", _text(used.impact_return_per_usd, "{:.3g} per $", "unknown", used.impact_source)),
        ("estimated from trades", _text(impact.return_per_usd, "{:.3g} per $", impact.reason)),
        ("its method", f"{str(impact.method).replace('_', ' ')}, {impact.n:,} bars"),
        ("its standard error", _text(impact.standard_error, "{:.2g} per $", "no estimate")),
        ("loop gain x", _text(feedback.x, "{:+.4f}", why, _pm(feedback.x_standard_error))),
        ("amplification A", _text(used.amplification, "{:.4f}", why, _pm(feedback.amplification_standard_error))),
        ("its interval", interval if bounded else f"{_DASH} {why}"),
        (f"|x| below {feedback.limit:g}", _text(feedback.inside_probability, "{:.1%} likely", why)),
        ("guard", "met" if feedback.is_guarded else f"not met: {feedback.reason}"),
    ]
    return _pairs(rows)


def surface_table(publication: Publication) -> str:
    """Return how far the surface and the whole reading can be trusted."""
    surface, live = publication.snapshot.surface, publication.live
    rank = live.implied_vol_rank
    limit = f"limited by {live.confidence_reason}" if live.confidence_reason else ""
    return _pairs(
        [
            ("confidence of the field", _text(live.confidence, "{:.0%}", live.confidence_reason, limit)),
            ("confidence of the surface", _text(surface.overall_confidence, "{:.0%}", surface.overall_reason)),
            ("stale quotes", _text(surface.stale_share, "{:.1%}", "no two-sided quote")),
            (
                "at-the-money volatility, 30 days",
                _text(live.implied_vol_30d, "{:.2%}", "expirations do not reach there"),
            ),
            ("its rank", _text(rank.rank, "{:.0%}", rank.reason, f"of {rank.n_days} sessions")),
            ("its percentile", _text(rank.percentile, "{:.0%}", rank.reason)),
        ]
    )


def slices_table(publication: Publication) -> str:
    """Return the fit of each expiration."""
    surface = publication.snapshot.surface
    atm, skew = surface.atm_vol, surface.atm_skew
    rows = []
    for at in range(surface.tau.shape[0]):
        why = surface.reasons[at] or "not fitted"
        rows.append(
            [
                f'<th scope="row" class="n">{datetime_of_ns(int(surface.expiry_ns[at])):%d %b %y %H:%M}</th>',
                _cell(float(atm[at]), "{:.2%}", why),
                _cell(float(skew[at]), "{:+.3f}", why),
                _cell(100.0 * float(surface.rmse_vol[at]), "{:.3f}", why),
                _cell(100.0 * float(surface.max_vol[at]), "{:.3f}", why),
                _cell(float(surface.inside_share[at]), "{:.0%}", why),
                f'<td class="r">{int(surface.n_quotes[at]):,}</td>',
                _cell(float(surface.confidence[at]), "{:.0%}", why),
                f"<td>{escape(SliceSource(int(surface.source[at])).name.lower())}</td>",
            ]
        )
    heads = (
        "expiry, UTC",
        ">ATM vol",
        ">skew",
        ">RMSE, points",
        ">largest",
        ">inside",
        ">quotes",
        ">confidence",
        "source",
    )
    return _table(heads, rows)


def flow_table(publication: Publication) -> str:
    """Return the features of the last closed minute by kind, with units, and reasons where one is missing."""
    minute = publication.live.flow
    if minute is None:
        return '<p class="c">No minute has closed yet.</p>'
    blocks = []
    for kind, title in _KIND.items():
        rows = [
            [_head(feature.name.replace("_", " ")), *_reading(float(minute.values[feature.column]), feature.unit, why)]
            for feature in FLOW_FEATURES
            if feature.kind is kind
            for why in (minute.reasons.get(feature.name, "no reason given"),)
        ]
        blocks.append(f"<div><h3>{title}</h3>{_table((), rows)}</div>" if rows else "")
    caption = f'<p class="c">minute that ended {datetime_of_ns(minute.minute_end_ns):%d %b %Y %H:%M} UTC</p>'
    return f'{caption}<div class="hf-columns">{"".join(blocks)}</div>'


def inputs_table(publication: Publication) -> str:
    """Return what the field knew from other markets, with units and ages, and why the rest is missing."""
    market = publication.live.market
    rows = []
    for name, value in market.numbers().items():
        age_s = market.ages_s.get(name, np.nan)
        why = market.reasons.get(name, "no reason given")
        age = f"<td><small>{_age(age_s)}</small></td>"
        rows.append([_head(_spaced(name)), *_reading(value, INPUT_UNITS[name], why), age])
    for cross in market.cross:
        close = _reading(cross.close, "its own unit", cross.reason)
        moved = "" if np.isnan(cross.log_return) else f"{_minus(f'{100.0 * cross.log_return:+.2f}')} %, "
        rows.append([_head(cross.symbol), *close, f"<td><small>{moved}{_age(cross.age_s)}</small></td>"])
    return _table((), rows)


def _age(age_s: float) -> str:
    if np.isnan(age_s):
        return ""
    return f"{age_s / 60.0:,.0f} min old" if age_s < 5_400.0 else f"{age_s / 3_600.0:,.1f} h old"


def stream_table(publication: Publication) -> str:
    """Return what became of the messages."""
    stream = publication.live.stream
    counts = {
        "quotes applied": stream.quotes,
        "quotes late": stream.quotes_late,
        "quotes of unlisted contracts": stream.quotes_unlisted,
        "trades taken": stream.trades,
        "trades without a side": stream.trades_unsigned,
        "trades late": stream.trades_late,
        "trades told twice": stream.trades_repeated,
        "lost on the way": stream.rows_lost,
        "before the first chain": stream.before_chain,
        "coalesced into a later field": stream.coalesced,
        "jumps of the clock": stream.clock_jumps,
    }
    return _pairs([(name, f"{count:,}") for name, count in counts.items()])


def _regime_row(reading: AxisReading) -> list[str]:
    name, state = _head(_spaced(reading.axis.value)), _spaced(str(reading.state)).upper()
    since = f"since {datetime_of_ns(reading.since_ns):%d %b %H:%M:%S} UTC"
    if state == "UNKNOWN":
        return [name, f"<td><b>UNKNOWN</b><small>{since}</small></td><td>{escape(_spaced(reading.reason))}</td>"]
    held = f"<small>held: {escape(_spaced(reading.reason))}</small>" if reading.is_held else ""
    likely = f"{reading.probability:.0%} likely" if reading.probability == reading.probability else _NO_ERROR
    return [
        name,
        f"<td><b>{escape(state)}</b><small>{since}</small>{held}</td>",
        f"<td>{escape(_margin(reading))}<small>{likely}</small></td>",
    ]


def _margin(reading: AxisReading) -> str:
    if not np.isfinite(reading.margin):
        return f"{_DASH} no border near"
    text = f"{_short(reading.margin)} {_spaced(str(reading.margin_input or ''))}".rstrip()
    return f"{text} to {_spaced(str(reading.margin_to)).upper()}" if reading.margin_to else text


def _signal_row(signal: Signal) -> list[str]:
    name = signal.kind.value.replace("_", " ")
    why = signal.reason or "no reason given"
    strength = _cell(signal.strength_z, "{:+.2f}", why)
    calibrated = f"{signal.confidence:.0%} (n {signal.calibration_n:,})" if signal.is_calibrated else "uncalibrated"
    reason = f"<small>{escape(_spaced(signal.reason))}</small>" if signal.reason else ""
    side = signal.direction.name if signal.direction != Direction.NONE else "none"
    return [_head(name), f'<td><b>{side}</b>{reason}</td>{strength}<td title="{escape(why)}">{calibrated}</td>']


def _spaced(text: str) -> str:
    return text.replace("_", " ")


def _short(value: float) -> str:
    if value != 0.0 and not _SMALL <= abs(value) < _LARGE:
        return _minus(f"{value:.3g}") if abs(value) < 1.0 else short_usd(value).replace("$", "")
    return _minus(f"{value:,.4g}")


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _reading(value: float, unit: str, why: str) -> list[str]:
    shown = "" if unit == "1" else escape(unit)
    if not np.isfinite(value):
        return [f'<td class="r" colspan=2><small>{_DASH} {escape(why)}</small></td>']
    return [f'<td class="r">{_short(value)}</td>', f'<td class="u">{shown}</td>']


def _pm(error: float) -> str:
    return f"± {error:.2g}" if np.isfinite(error) else "standard error unknown"


def _text(value: float, form: str, why: str, more: str = "") -> str:
    if not np.isfinite(value):
        return f"{_DASH} {why or 'no reason given'}"
    return f"{_minus(form.format(value))} {more}".rstrip()


def _text_usd(value: float, unit: str) -> str:
    return short_usd(value) + unit if np.isfinite(value) else f"{_DASH} skew or gamma is unknown"


def _trade(value: float, why: str) -> str:
    if not np.isfinite(value):
        return f"{_DASH} {why}"
    return f"dealers {'buy' if value > 0.0 else 'sell'} {short_usd(abs(value))}"


def _head(name: str) -> str:
    return f'<th scope="row">{escape(name)}</th>'


def _cell(value: float, form: str, why: str) -> str:
    if not np.isfinite(value):
        return f'<td class="r" title="{escape(why)}"><abbr>{_DASH}</abbr></td>'
    return f'<td class="r n">{_minus(form.format(value))}</td>'


def _amount(value: float, why: str, sign: str = "") -> str:
    if not np.isfinite(value):
        return f'<td class="r" title="{escape(why)}"><abbr>{_DASH}</abbr></td>'
    return f'<td class="r n">{sign}{short_usd(value)}</td>'


def _pairs(rows: list[tuple[str, str]]) -> str:
    return _table((), [[_head(name), f'<td class="r">{escape(_spaced(text))}</td>'] for name, text in rows])


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    # A heading that begins with > stands over numbers.
    classes = {True: ' class="r"', False: ""}
    cells = (f'<th scope="col"{classes[name.startswith(">")]}>{name.lstrip(">")}</th>' for name in heads)
    head = f"<tr>{''.join(cells)}</tr>" if heads else ""
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<div class="hf-scroll"><table class="hf-table">{head}{body}</table></div>'
