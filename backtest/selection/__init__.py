"""Statistics against fooling oneself: splits, overfitting, superiority, effective trials, outer estimate, regions."""
