"""A quality report series by series: one score for each, and equal findings of its files summed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from adapters.quality.findings import Finding, PartitionQuality, Severity

__all__ = ["SeriesQuality", "summed_findings", "summed_series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuality:
    """What the checks say of one symbol from one source in one data set.

    Parameters
    ----------
    kind, symbol, source : str
        Whose rows.
    n_files, n_rows : int
        Size.
    score : float
        Mean over the rows of its files, in [0, 1].
    simulated : bool
        Whether any row is simulated.
    findings : tuple of Finding
        Those of all its files and of the series as a whole, equal ones summed, the worst and most frequent first.
    partitions : tuple of PartitionQuality
        Where they were found, the worst first; without those in which nothing was.
    """

    kind: str
    symbol: str
    source: str
    n_files: int
    n_rows: int
    score: float
    simulated: bool
    findings: tuple[Finding, ...]
    partitions: tuple[PartitionQuality, ...]

    def count(self, severity: Severity) -> int:
        """Return the number of rows that were found with a severity."""
        return sum(item.count for item in self.findings if item.severity is severity)


def summed_series(partitions: Iterable[PartitionQuality]) -> tuple[SeriesQuality, ...]:
    """Return one line per kind, symbol and source.

    Parameters
    ----------
    partitions : iterable of PartitionQuality
        Of a report.

    Returns
    -------
    tuple of SeriesQuality
        In order of kind, symbol and source.
    """
    ordered = sorted(partitions, key=_series_of)
    return tuple(_summed(list(group)) for _, group in groupby(ordered, key=_series_of))


def _series_of(partition: PartitionQuality) -> tuple[str, str, str]:
    return partition.kind, partition.symbol, partition.source


def _summed(partitions: list[PartitionQuality]) -> SeriesQuality:
    files = [partition for partition in partitions if partition.path]
    n_rows = sum(partition.n_rows for partition in files)
    return SeriesQuality(
        kind=str(partitions[0].kind),
        symbol=partitions[0].symbol,
        source=partitions[0].source,
        n_files=len(files),
        n_rows=n_rows,
        score=sum(p.score * p.n_rows for p in files) / n_rows if n_rows else 1.0,
        simulated=any(partition.simulated for partition in partitions),
        findings=summed_findings(item for partition in partitions for item in partition.findings),
        partitions=tuple(sorted((p for p in partitions if p.findings), key=lambda p: (p.score, p.period))),
    )


def summed_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sum findings of one check and severity; the reason and the examples are those of the most frequent one.

    Parameters
    ----------
    findings : iterable of Finding
        Of any number of files.

    Returns
    -------
    tuple of Finding
        Errors first, then by count.
    """
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    by_check: dict[tuple[str, Severity], list[Finding]] = {}
    for item in findings:
        by_check.setdefault((item.check, item.severity), []).append(item)
    summed = []
    for group in by_check.values():
        first = max(group, key=lambda item: item.count)
        summed.append(
            Finding(
                check=first.check,
                severity=first.severity,
                count=sum(item.count for item in group),
                n_checked=sum(item.n_checked for item in group),
                reason=first.reason,
                examples=first.examples,
            )
        )
    return tuple(sorted(summed, key=lambda item: (order[item.severity], -item.count, item.check)))
