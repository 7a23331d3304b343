"""Tests of strategies.allocation."""
