"""The language of structures: legs as data, and the rules that find their contracts in a chain."""
