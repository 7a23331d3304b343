"""The page's sections of what history adds: with a real state, with everything known and with nothing."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from html import escape
from math import nan
from typing import Any

import numpy as np
import pytest

from actors.messages import Publication
from cluster.pictures.figures_surface import fig_hedge_flow
from fields.flow.features import FLOW_FEATURES
from fields.live.market import CrossReading, MarketInputs
from fields.regime import Axis, AxisReading
from fields.regime.axes import AxisInput
from fields.signals import Direction
from fields.snapshot import Totals
from fields.surface.message import SliceSource
from serve import page_live
from serve.page_charts import typed_arrays
from serve.page_figures import fig_book, fig_smiles, fig_term
from serve.page_text import confidence_text
from tests.serve.samples import live_fields, publication_of, snapshot_of

TABLES = [getattr(page_live, name) for name in page_live.__all__]
FIGURES = [fig_book, fig_hedge_flow, fig_smiles, fig_term]


def _real() -> Publication:
    found = live_fields()[0]
    return replace(publication_of(found.snapshot), live=found.live)


def _known_axis(reading: AxisReading) -> AxisReading:
    known = {"state": "FLAT", "margin": 0.0123, "margin_input": AxisInput.VIX9D_OVER_VIX, "margin_to": "CONTANGO"}
    return replace(reading, **known, probability=0.83, reason="")  # type: ignore[arg-type]  # one mapping of all


def _everything() -> Publication:
    """Return the real state with every reading that three minutes cannot give."""
    real = _real()
    live = real.live
    feedback = replace(live.feedback, x=0.1, x_standard_error=0.02, amplification_low=0.88, amplification_high=0.95)
    return replace(
        real,
        live=replace(
            live,
            regimes=tuple(_known_axis(reading) for reading in live.regimes),
            signals=tuple(
                replace(s, direction=Direction.LONG, strength_z=2.5, confidence=0.61, is_calibrated=True)
                for s in live.signals
            ),
            feedback=feedback,
            impact=replace(live.impact, return_per_usd=2e-13, standard_error=1e-14, n=40),
        ),
    )


def _nothing() -> Publication:
    """Return a field whose book, surface, flow and signals are unknown, as at the first chain without quotes."""
    real = _real()
    missing = Totals(**{item.name: nan for item in fields(Totals)})
    surface = real.snapshot.surface
    gone = np.full(surface.tau.shape, nan)
    blank = dict.fromkeys(("theta", "rho", "psi", "rmse_vol", "max_vol", "inside_share"), gone)
    surface = replace(
        surface,
        **blank,  # type: ignore[arg-type]  # one mapping of all
        source=np.full(surface.tau.shape, SliceSource.NONE, dtype=np.int64),
        reasons=("too few quotes",) * surface.tau.shape[0],
    )
    curve = np.full(real.snapshot.hedge_flow.price.shape, nan)
    flow = replace(
        real.snapshot.hedge_flow, buy_to_close_usd=curve, minutes_to_close=nan, to_close_reason="no close is known"
    )
    snapshot = replace(
        real.snapshot, totals_error=missing, totals_error_bound=missing, surface=surface, hedge_flow=flow
    )
    live = replace(real.live, flow=None, confidence=nan, confidence_reason="no surface", decay_wind=nan)
    return replace(real, snapshot=snapshot, live=live)


def _text(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


@pytest.mark.parametrize("make", [_real, _everything, _nothing])
@pytest.mark.parametrize("table", TABLES)
def test_no_table_shows_a_bare_missing_number(table: Any, make: Any) -> None:
    """Neither nan nor None reaches the page, and each dash stands beside its reason."""
    html = table(make())
    assert not re.search(r"\b(nan|None|inf)\b", _text(html))
    for cell in re.findall(r"<td[^>]*>.*?</td>", html):
        if "—" in cell:
            assert "title=" in cell or len(_text(cell).replace("—", "").strip()) > 3, cell


@pytest.mark.parametrize("make", [_real, _everything, _nothing])
@pytest.mark.parametrize("draw", FIGURES)
def test_figures_are_drawn_of_whatever_is_known(draw: Any, make: Any) -> None:
    """Every figure has a layout and only equally long columns, also where nothing is known."""
    figure = draw(make().snapshot)
    assert figure["layout"]["annotations"]
    assert all(len(trace["x"]) == len(trace["y"]) for trace in figure["data"])
    assert typed_arrays(figure)["layout"].keys() == figure["layout"].keys()


def test_unknown_regimes_say_what_is_missing() -> None:
    """Each axis is listed; those without inputs are UNKNOWN with the reason in words."""
    shown = _text(page_live.regimes_table(_real()))
    assert all(axis.value.replace("_", " ") in shown for axis in Axis)
    assert shown.count("UNKNOWN") >= 4
    assert "missing: vix, adx, sma" in shown


def test_known_regimes_show_margin_and_border() -> None:
    """The margin stands in the unit of its input, with the state beyond the border."""
    shown = _text(page_live.regimes_table(_everything()))
    assert "UNKNOWN" not in shown
    assert shown.count("0.0123 vix9d over vix to CONTANGO") == len(Axis)
    assert "83% likely" in shown


def test_signals_are_called_uncalibrated_without_a_calibration() -> None:
    """A confidence is shown only where a calibration stands behind it."""
    assert page_live.signals_table(_real()).count("uncalibrated") == 4
    assert page_live.signals_table(_everything()).count("61%") == 4


def test_flow_lists_every_feature_once() -> None:
    """All columns of the record are there, with the reason of each that is missing."""
    found = _real()
    html = page_live.flow_table(found)
    assert html.count('<th scope="row">') == len(FLOW_FEATURES)
    assert found.live.flow is not None
    assert all(escape(reason) in html for reason in found.live.flow.reasons.values())
    assert "No minute has closed yet" in page_live.flow_table(_nothing())


def test_errors_of_unknown_size_are_not_drawn_as_none() -> None:
    """A missing standard error stays missing in the figure, so that no bar looks certain."""
    found = _real().snapshot
    profile = replace(found.profile, gamma_error_usd_per_pct=np.full(found.profile.strike.shape, nan))
    assert np.isnan(fig_book(replace(found, profile=profile))["data"][0]["error_y"]["array"]).all()


def test_curve_to_an_unknown_close_gives_the_reason() -> None:
    """The panel of the missing curve says why it is empty."""
    notes = [note["text"] for note in fig_hedge_flow(_nothing().snapshot)["layout"]["annotations"]]
    assert any("no close is known" in note.replace("<br>", " ") for note in notes)


def test_confidence_names_what_holds_it_down() -> None:
    """The header gives the share and its limit, or why there is none."""
    assert confidence_text(_nothing().live) == "confidence — no surface"
    assert confidence_text(publication_of(snapshot_of()).live).startswith("confidence ")


def test_inputs_show_values_ages_and_why_the_rest_is_missing() -> None:
    """A known index has its unit and age; one that is not known says why; another market has its move."""
    real = _real()
    cross = CrossReading(symbol="TLT", close=90.5, log_return=-0.0123, age_s=7_200.0, reason="")
    market = MarketInputs(
        vix=17.2, ages_s={"vix": 1_800.0}, reasons={"rate": "stale: older than 168 h"}, cross=(cross,)
    )
    text = page_live.inputs_table(replace(real, live=replace(real.live, market=market)))
    assert "17.2" in text
    assert "30 min old" in text
    assert "stale: older than 168 h" in text
    assert "TLT" in text
    assert "1.23 %, 2.0 h old" in text
