"""A program that writes into a store: ``python -m tests.adapters.store.importer FOLDER FIRST [SYMBOL COMMITS]``."""

from __future__ import annotations

import sys
from pathlib import Path

from adapters.store import DataKind, open_store
from tests.adapters.store.samples import MINUTE_NS, bars
from tests.generators import AS_OF_NS

ROWS_PER_COMMIT = 500


def main() -> None:
    """Commit one more stretch of bars each time, and say so when it is durable."""
    store, place = open_store(Path(sys.argv[1])), int(sys.argv[2])
    symbol, last = (sys.argv[3], place + int(sys.argv[4])) if len(sys.argv) > 3 else ("SPY", sys.maxsize)
    while place < last:
        starts = [AS_OF_NS + (place * ROWS_PER_COMMIT + row) * MINUTE_NS for row in range(ROWS_PER_COMMIT)]
        writer = store.writer(DataKind.BARS, origin="importer", source="importer")
        writer.add_table(symbol, bars(starts, [400.0 + place] * ROWS_PER_COMMIT))
        writer.commit()
        sys.stdout.write(f"{place}\n")
        sys.stdout.flush()
        place += 1


if __name__ == "__main__":
    main()
