"""Composition root: settings, wiring, pictures and the command line."""
