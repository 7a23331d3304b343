"""Tests of books under stress."""
