"""One file per structure: its legs, its parameters, and its rules of entry and exit."""
