"""The pages of the structures against the code that they tell of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.picture_file import NUMBERS_KEY
from benchmarks.structure_example import example_of, profile_of
from benchmarks.structure_pages import COMMAND, FOLDER, page_texts
from benchmarks.structure_pictures import told_numbers
from strategies.structures.shapes import SHAPES

_NAV = (Path(__file__).resolve().parents[2] / "mkdocs.yml").read_text(encoding="utf-8")


def test_the_pages_are_those_that_the_code_writes() -> None:
    """A default, a rule or a measure that changes without its page is found; the command writes them anew."""
    texts = page_texts()
    stale = [name for name, text in texts.items() if (FOLDER / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run {COMMAND}"
    assert {path.name for path in FOLDER.iterdir()} == {*texts, *(f"{name}.png" for name in SHAPES)}
    assert not [name for name in texts if f"structures/{name}" not in _NAV]


@pytest.mark.parametrize("name", SHAPES)
def test_a_picture_carries_the_numbers_that_the_code_draws(name: str) -> None:
    """Fonts and renderers may differ; what is drawn may not."""
    with Image.open(FOLDER / f"{name}.png") as picture:
        drawn = json.loads(str(picture.info[NUMBERS_KEY]))
    told = told_numbers(profile_of(example_of(name)))
    assert drawn.keys() == told.keys()
    for line, numbers in told.items():
        np.testing.assert_allclose(drawn[line], numbers, rtol=1e-4, atol=1e-6, err_msg=f"run {COMMAND}")
