"""``python -m cluster`` is the ``hedgefield`` command."""

from cluster.cli import main

main()
