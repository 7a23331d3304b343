"""The event log in a relational database: SQLite by default, PostgreSQL by URL."""
