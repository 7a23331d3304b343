"""A book of a file or a run under stress: read, priced from chains, revalued, told."""
