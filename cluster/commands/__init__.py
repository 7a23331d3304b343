"""The verbs of the ``hedgefield`` command; each imports what it needs when it runs, so that ``--help`` stays quick."""
