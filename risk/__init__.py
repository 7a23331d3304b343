"""Risk: sizing, margin and limits; pure functions that can only say less."""
