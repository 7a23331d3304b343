"""Tests of trade signing."""
