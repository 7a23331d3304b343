"""A process that records trials and keeps results as fast as it can; several run at a time."""

from __future__ import annotations

import sys

from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Evaluation, Trial, TrialResult, TrialSource

DATA = DataSet(
    digest="data",
    sources=(TrialSource(name="SPX chains", digest="of a file", kind="chains", market="recorded SPX"),),
)
"""What every trial of these tests reads."""


def trial(config: str, *, number: int = 0, data: DataSet = DATA, user: str = "one") -> Trial:
    """Return a trial of a configuration."""
    return Trial(
        ts_event_ns=number,
        user=user,
        host="here",
        study="study",
        part="all",
        number=number,
        name="name",
        data_digest=data.digest,
        config_digest=config,
        code_version="1",
        simulated=True,
    )


def run(url: str, writer: str, n_batches: int) -> None:
    """Record batches of seven trials, each with its result and something kept, and tell each that is acknowledged."""
    for batch in range(n_batches):
        ledger = SqlTrialLedger(url)
        trials = [trial(f"{writer}-{batch}-{n}", number=n, user=writer) for n in range(7)]
        ledger.record_all(trials, DATA)
        ledger.conclude(
            TrialResult(trial_key=t.key, sharpe=0.1, n_days=20, first_day="2024-01-02", last_day="2024-01-31")
            for t in trials
        )
        ledger.keep(Evaluation(key=f"shared-{n}", payload=b"x", ts_event_ns=0, code_version="1") for n in range(7))
        ledger.keep(Evaluation(key=t.config_digest, payload=b"x", ts_event_ns=0, code_version="1") for t in trials)
        sys.stdout.write(f"{batch + 1}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
