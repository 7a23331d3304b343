"""Timings of the hot paths; run one with ``python -m benchmarks.bench_greeks``."""
