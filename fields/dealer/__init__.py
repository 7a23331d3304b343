"""The dealer book: signed contracts per option with a standard error, from open interest and signed trades."""
