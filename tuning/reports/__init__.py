"""A study as a folder of files, a page and tables of the terminal."""
