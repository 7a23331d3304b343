"""One underlying's state between messages: chain, flow, book and field, kept current."""
