"""Guards of a run."""
