"""Smiles and term structure as pictures show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains
from adapters.simulated import light_config
from adapters.simulated.feed import SimulatedFeed
from cluster.pictures.figures import standalone
from cluster.pictures.figures_surface import fig_hedge_flow, fig_smiles, fig_term_structure
from cluster.pictures.plots import draw_field
from cluster.pictures.smiles import smiles_of, term_structure
from fields.compute import compute_field
from fields.config import FieldConfig, TimeBasis
from fields.snapshot import FieldSnapshot
from fields.surface.message import SliceSource
from market.chains import OptionChain
from tests.serve.samples import snapshot_of


@pytest.fixture(scope="module")
def found() -> tuple[OptionChain, FieldSnapshot]:
    """Return a simulated chain and its field."""
    batch = SimulatedFeed(light_config(1, 400, seed=3, interval_s=0.0)).next_batch()
    assert batch is not None
    return batch.chains[0], compute_field(batch.chains[0], FieldConfig())


def test_a_residual_is_the_quote_less_the_surface(found: tuple[OptionChain, FieldSnapshot]) -> None:
    """Point by point, between bid and ask in order, and no larger near the money than the surface's own figure."""
    chain, snapshot = found
    smiles = smiles_of(chain, snapshot.surface, snapshot.time_basis, most=3)
    assert 1 <= len(smiles) <= 3
    assert [smile.expiry_ns for smile in smiles] == sorted({smile.expiry_ns for smile in smiles})
    for smile in smiles:
        place = int(np.flatnonzero(snapshot.surface.expiry_ns == smile.expiry_ns)[0])
        on_surface = snapshot.surface.implied_vol(place, smile.log_moneyness)
        np.testing.assert_allclose(smile.mid_vol - smile.residual_vol, on_surface, rtol=1e-12)
        assert (smile.ask_vol >= smile.mid_vol).all()
        near = np.abs(smile.log_moneyness) <= 2.0 * smile.deviation
        assert np.sqrt(np.mean(smile.residual_vol[near] ** 2)) <= 1.5 * smile.rmse_vol + 1e-6


def test_the_term_structure_rises_in_time_and_tells_fitted_from_filled(
    found: tuple[OptionChain, FieldSnapshot],
) -> None:
    """Its volatilities are the surface's at the forward."""
    surface = found[1].surface
    term = term_structure(surface)
    assert (np.diff(term.tau) >= 0.0).all()
    assert int(term.fitted.sum()) == int((surface.source == SliceSource.FITTED).sum())
    assert set(term.atm_vol.tolist()) <= set(surface.atm_vol.tolist())


def test_a_surface_without_a_fit_has_no_smile_and_is_drawn_all_the_same() -> None:
    """The panels say that there is nothing."""
    from matplotlib.text import Text

    figure = draw_field(snapshot_of())
    figure.canvas.draw()
    words = [item.get_text() for item in figure.findobj(Text)]
    assert "no quotes of this instant, or no fit" in words
    assert "Dealers' trade if spot moves here at once" in words


def test_plotly_accepts_the_new_figures(found: tuple[OptionChain, FieldSnapshot]) -> None:
    """Plotly's own validation knows each attribute; the hedge flow is the snapshot's own."""
    chain, snapshot = found
    smiles = smiles_of(chain, snapshot.surface, snapshot.time_basis)
    for figure in (fig_smiles(smiles), fig_term_structure(term_structure(snapshot.surface))):
        assert standalone(figure).data
    flow = fig_hedge_flow(snapshot)
    assert standalone(flow).data
    np.testing.assert_array_equal(flow["data"][1]["y"], snapshot.hedge_flow.buy_for_vol_point_usd)


@pytest.mark.data
def test_smiles_of_a_recorded_session_lie_on_their_quotes(data_root: Path) -> None:
    """Cboe's SPX chain of 2023-05-23: most quotes near the money hold the surface between bid and ask."""
    (chain,) = open_chains(data_root / "raw_formats" / "cboe_spx_quotedata_20230523_en.csv.gz")
    snapshot = compute_field(chain, FieldConfig())
    smiles = smiles_of(chain, snapshot.surface, TimeBasis.CALENDAR)
    assert len(smiles) == 4
    for smile in smiles:
        near = np.abs(smile.log_moneyness) <= 2.0 * smile.deviation
        on_surface = smile.mid_vol - smile.residual_vol
        inside = (on_surface >= smile.bid_vol) & (on_surface <= smile.ask_vol)
        assert inside[near].mean() >= 0.9
