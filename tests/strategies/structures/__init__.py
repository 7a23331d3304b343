"""Tests of strategies.structures."""
