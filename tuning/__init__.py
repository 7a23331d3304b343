"""Sweeps of strategies on a cluster: a space, proposals, trials on shared data, and an answer that knows its luck."""
