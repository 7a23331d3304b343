"""The one flow of a package: gates, size, entry, and the way out, which each structure fills with its own data."""
