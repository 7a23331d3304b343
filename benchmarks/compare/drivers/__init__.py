"""One program per engine; it runs in that engine's environment and prints one JSON line per repetition."""
