"""A strategy begun for a user: a file with its parameters, its tests and a configuration, all of which work at once."""
