"""A process that appends for ever and prints each acknowledged id; it is killed by the test."""

from __future__ import annotations

import sys

from adapters.sql.event_log import SqlEventLog
from market.ports import LogRecord, Stream


def record(number: int) -> LogRecord:
    """Return a record that is told from all others by its number."""
    return LogRecord(
        stream=Stream.HEALTH,
        key="writer",
        ts_event_ns=number,
        cause_id=f"cause-{number}",
        simulated=True,
        payload={"number": number, "nothing": float("nan")},
    )


def run(url: str) -> None:
    """Append batches of seven records until killed."""
    log = SqlEventLog(url, "run")
    number = 0
    while True:
        log.append(record(n) for n in range(number, number + 7))
        number += 7
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1])
