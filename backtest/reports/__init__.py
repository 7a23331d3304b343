"""What a run leaves on disk: its record, its tables, its pictures and its pages."""
