"""What the page says in words."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from cluster.pictures.figures import fig_gamma
from fields.snapshot import Wall
from serve.page_charts import FigureCache, typed_arrays
from serve.page_text import (
    age_text,
    contracts_table,
    conventions,
    price_text,
    reasons_table,
    roots_table,
    settings_table,
    tiles,
)
from tests.serve.samples import snapshot_of, without_roots

NAN = float("nan")


def test_tiles_keep_their_number_and_order_whatever_is_missing() -> None:
    """The page writes tiles in place, so a missing value may not move the others."""
    names = [tile.name for tile in tiles(snapshot_of())]
    assert [tile.name for tile in tiles(without_roots(snapshot_of()))] == names
    assert len(names) == 8


def test_missing_values_say_why() -> None:
    """A dash or a "none" never stands alone."""
    shown = {tile.name: tile for tile in tiles(without_roots(snapshot_of()))}
    assert shown["zero gamma"].value == "none"
    assert shown["zero gamma"].note == "gamma does not change sign in the window"
    assert shown["amplification A"].note == "unknown: impact is unknown"


def test_missing_exposure_and_wall_say_why() -> None:
    """A NaN total and a wall without a strike show the reason of the field."""
    base = snapshot_of()
    broken = replace(
        base,
        totals=replace(base.totals, charm_usd_per_min=NAN),
        walls=replace(base.walls, put=Wall(strike=NAN, gamma_usd_per_pct=NAN, share=NAN)),
        reasons={"charm_usd_per_min": "no clock", "walls.put": "no put gamma"},
    )
    shown = {tile.name: tile for tile in tiles(broken)}
    assert (shown["charm, $ per minute"].value, shown["charm, $ per minute"].note) == ("—", "no clock")
    assert (shown["put wall"].value, shown["put wall"].note) == ("none", "no put gamma")


def test_amplification_says_that_its_impact_is_assumed() -> None:
    """The regime number never stands without the source of its impact."""
    note = next(tile.note for tile in tiles(snapshot_of()) if tile.name == "amplification A")
    assert "impact assumed" in note


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_mark_follows_the_provenance(simulated: bool) -> None:  # noqa: FBT001  # the case itself
    """Simulated data is marked beside each chart's conventions, real data is not."""
    assert ("SIMULATED" in conventions(snapshot_of(simulated=simulated))) is simulated


def test_tables_hold_every_count_root_and_reason() -> None:
    """Drops by reason, roots of every convention and reasons are all shown."""
    snapshot = snapshot_of()
    assert "dropped: zero bid" in contracts_table(snapshot)
    assert roots_table(snapshot).count("<tr>") == 3
    assert "impact is unknown along the ladder" in reasons_table(snapshot)
    assert reasons_table(replace(snapshot, reasons={})) == ""
    assert "2e-13 per $ (assumed)" in settings_table(snapshot)


@pytest.mark.parametrize(
    ("quality", "reason", "text"),
    [
        (None, "", ">not checked<"),
        (1.0, "", ">100 %<"),
        (0.9996, "the bid is above the ask (1 of 2500)", ">99 %: the bid is above the ask (1 of 2500)<"),
        (NAN, "", ">nan, which is no share<"),
    ],
)
def test_the_quality_of_the_chain_is_shown_with_its_reason(quality: float | None, reason: str, text: str) -> None:
    """Rounded down, so that a chain with a fault never looks perfect; nobody having looked is said."""
    snapshot = snapshot_of()
    judged = replace(snapshot.provenance, quality=quality, quality_reason=reason)
    assert text in settings_table(replace(snapshot, provenance=judged))


def test_text_from_outside_cannot_become_markup() -> None:
    """A file name or symbol with markup in it is shown, not run."""
    snapshot = snapshot_of()
    evil = replace(snapshot, provenance=replace(snapshot.provenance, origin="<script>x</script>"))
    assert "<script>" not in settings_table(evil)


@pytest.mark.parametrize(
    ("age_s", "text"), [(0.2, "0 s"), (59.0, "59 s"), (60.0, "1 min"), (5400.0, "1.5 h"), (NAN, "—")]
)
def test_age_is_in_the_unit_that_suits_it(age_s: float, text: str) -> None:
    """Seconds, then minutes, then hours."""
    assert age_text(age_s) == text


@pytest.mark.parametrize(("price", "text"), [(4145.579, "4,145.58"), (NAN, "—")])
def test_price_has_two_decimals(price: float, text: str) -> None:
    """Thousands are separated; a missing price is a dash."""
    assert price_text(price) == text


def test_typed_arrays_keep_every_number() -> None:
    """What goes to the browser decodes to the same doubles, in the same shape."""
    table = np.array([[1.5, NAN, -2.0], [0.0, 1e300, 3.0]])
    packed = typed_arrays({"data": [{"z": table}]})["data"][0]["z"]
    assert (packed["dtype"], packed["shape"]) == ("f8", "2, 3")
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(packed["bdata"])).reshape(2, 3), table)


def test_figure_is_drawn_once_for_all_viewers() -> None:
    """Two tabs on one symbol share the figure until the next field."""
    cache, first, second = FigureCache(), snapshot_of(step=1), snapshot_of(step=2)
    assert cache.figure(fig_gamma, first) is cache.figure(fig_gamma, first)
    assert cache.figure(fig_gamma, second) is not cache.figure(fig_gamma, first)
