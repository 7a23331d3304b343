"""What a point of the space gives on blocks of days: from settings and data to returns."""
