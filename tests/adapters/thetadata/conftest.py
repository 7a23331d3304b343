"""Tests of the terminal need the libraries of the vendors."""

from __future__ import annotations

import pytest

pytest.importorskip("tenacity")
