"""A program that plays a store and tells what it took: ``python -m tests.adapters.replay.player FOLDER WINDOW_S``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from adapters.replay import StoreFeed, StoreSelection
from adapters.store import open_store


def main() -> None:
    """Print rows, batches and the greatest memory of this process in kB."""
    feed = StoreFeed(open_store(Path(sys.argv[1])), StoreSelection(window_s=float(sys.argv[2])), interval_s=0.0)
    rows = batches = 0
    while (batch := feed.next_batch()) is not None:
        rows += sum(part.n_quotes for part in batch.quotes) + sum(part.n_trades for part in batch.trades)
        batches += 1
    # The maximum that getrusage tells would be inherited from the process that started this one.
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    sys.stdout.write(f"{rows} {batches} {found[1] if found else 0}\n")


if __name__ == "__main__":
    main()
