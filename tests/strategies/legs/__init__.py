"""Tests of strategies.legs."""
