"""Tests of the exchanges need the libraries of the vendors."""

from __future__ import annotations

import pytest

pytest.importorskip("ccxt")
