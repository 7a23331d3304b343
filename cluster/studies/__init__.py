"""The registered studies of the evidence harness: where their rows come from, and how they are told."""
