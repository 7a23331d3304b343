"""The vocabulary of Hedgefield: instruments, calendars, chains, messages, ports and errors."""
