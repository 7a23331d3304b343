"""A picture as a file of few bytes that carries the numbers it draws, so that a test can hold it against the code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NUMBERS_KEY", "picture_file", "rounded"]

NUMBERS_KEY: Final = "Numbers"
"""Key of the text within the file that holds what it draws."""
_COLOURS: Final = 64


def picture_file(figure: Figure, numbers: Mapping[str, Sequence[float]]) -> bytes:
    """Return a figure as a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn, with a canvas.
    numbers : mapping of str to sequence of float
        What it draws, by line.

    Returns
    -------
    bytes
        A PNG file; the text under `NUMBERS_KEY` is `numbers` as JSON.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    drawn, sink = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    told = PngInfo()
    told.add_text("Software", "Hedgefield")
    told.add_text(NUMBERS_KEY, json.dumps(numbers, separators=(",", ":")))
    # A few colours need a quarter of the bytes.
    few = Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(sink, format="png", pnginfo=told, optimize=True)
    return sink.getvalue()


def rounded(values: Sequence[float]) -> list[float]:
    """Return numbers with six digits, as a picture tells them."""
    return [float(f"{value:.6g}") for value in values]
