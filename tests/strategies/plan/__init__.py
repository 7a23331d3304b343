"""Tests of strategies.plan."""
