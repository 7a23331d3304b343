"""What a study leaves: its records, its choice, its answer and the winner's configuration."""
