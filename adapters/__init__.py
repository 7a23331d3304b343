"""Vendors, files and stores, each behind a port of the core."""
