"""Thin Ray actors around plain state: symbol shards, feed, bus and ledger writer."""
