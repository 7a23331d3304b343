"""A run's result as files from which every report, the ledger and each decision can be made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from backtest.reports.codec import Instruments, as_json, decoded, encoded, encoded_instrument, instrument_of
from backtest.results import (
    AccountCurve,
    DecisionRecord,
    FillQuote,
    GreeksPath,
    RunDescription,
    RunResult,
    StrategyDays,
)
from execution.events import LedgerEvent, Settlement
from execution.identity import digest_of
from execution.margin_call import MarginCall
from execution.orders import Order
from execution.trades import Trade
from market.errors import DataError
from market.fills import Fill
from market.tradables import Instrument
from strategies.views import HeldPackage

__all__ = ["RECORD", "read_decision_digests", "read_decisions", "read_description", "read_result", "record_files"]

RECORD: Final = "record"
"""Folder of these files below the run folder."""

_PACKAGE: Final = "package_id"
_DIGEST: Final = "digest"
_PNL: Final = "pnl "
_WEIGHT: Final = "weight "


def record_files(result: RunResult) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a run's record.

    Parameters
    ----------
    result : RunResult
        The run, also one that stopped early.

    Yields
    ------
    tuple of (str, bytes)
        Names begin with ``record/``. Lines of JSON, one message a line, and Parquet for arrays.
    """
    known = sorted(_instruments(result), key=lambda item: item.symbol)
    yield f"{RECORD}/instruments.jsonl", _lines(map(encoded_instrument, known))
    for name, messages in _message_lists(result).items():
        yield f"{RECORD}/{name}.jsonl", _lines(map(encoded, messages))
    yield f"{RECORD}/decisions.jsonl", _lines(map(_with_digest, result.decisions))
    yield f"{RECORD}/curve.parquet", _parquet(result.curve, {"benchmark": result.benchmark})
    yield f"{RECORD}/views.parquet", _columns_as_parquet({"view_ns": result.view_ns})
    if result.strategy_days is not None:
        yield f"{RECORD}/strategy_days.parquet", _columns_as_parquet(_of_strategies(result.strategy_days))
    if result.greeks is not None:
        yield f"{RECORD}/greeks.parquet", _parquet(result.greeks, {})
    if result.package_greeks:
        yield f"{RECORD}/package_greeks.parquet", _parquet(*_joined(result.package_greeks))
    rest = {
        "description": encoded(result.description),
        "open_packages": encoded(result.open_packages),
        "ledger_digest": result.ledger_digest,
        "funnel": encoded(result.funnel),
        "n_views": result.n_views,
        "regimes": encoded(result.regimes),
        "counts": encoded(result.counts),
        "stopped": result.stopped,
        "margin_calls": encoded(result.margin_calls),
    }
    yield f"{RECORD}/run.json", as_json(rest)


def _message_lists(result: RunResult) -> dict[str, Sequence[object]]:
    # Fills stand in the ledger: a second list of them could tell another story.
    return {
        "ledger": result.ledger,
        "orders": result.orders,
        "trades": result.trades,
        "fill_quotes": result.fill_quotes,
    }


def _with_digest(record: DecisionRecord) -> dict[str, Any]:
    # Of the decision as it was in memory: text could turn a whole number into a broken one, and nobody would see it.
    told: dict[str, Any] = encoded(record)
    return told | {_DIGEST: digest_of(record)}


def _instruments(result: RunResult) -> set[Instrument]:
    found: set[Instrument] = set()
    for event in result.ledger:
        if isinstance(event, Fill | Settlement):
            found.add(event.instrument)
        if isinstance(event, Settlement) and event.delivered is not None:
            found.add(event.delivered)
    legs = [leg for order in result.orders for leg in order.intent.legs]
    legs += [leg for trade in result.trades for leg in trade.legs]
    legs += [leg for package in result.open_packages for leg in package.legs]
    legs += [leg for record in result.decisions for wish in record.decision.proposals for leg in wish.legs]
    return found | {leg.instrument for leg in legs}


def _lines(values: Iterable[Any]) -> bytes:
    return b"".join(
        (json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()
        for value in values
    )


def _of_strategies(days: StrategyDays) -> dict[str, np.ndarray]:
    columns = {"end_ns": days.end_ns, "rest": days.rest}
    for place, name in enumerate(days.strategies):
        columns |= {f"{_PNL}{name}": days.pnl[:, place], f"{_WEIGHT}{name}": days.weight[:, place]}
    return columns


def _joined(paths: Mapping[str, GreeksPath]) -> tuple[GreeksPath, dict[str, np.ndarray]]:
    """Return the paths of all packages one after the other, and the id that each row belongs to."""
    names = [field.name for field in fields(GreeksPath)]
    rows = {name: np.concatenate([getattr(path, name) for path in paths.values()]) for name in names}
    counts = [path.ts_ns.size for path in paths.values()]
    return GreeksPath(**rows), {_PACKAGE: np.repeat(np.array(list(paths), dtype=object), counts)}


def _parquet(arrays: AccountCurve | GreeksPath, more: Mapping[str, np.ndarray]) -> bytes:
    return _columns_as_parquet({field.name: getattr(arrays, field.name) for field in fields(arrays)} | dict(more))


def _columns_as_parquet(columns: Mapping[str, np.ndarray]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = BytesIO()
    pq.write_table(pa.table(dict(columns)), sink, compression="zstd")
    return sink.getvalue()


def read_result(folder: Path) -> RunResult:
    """Return the result of a run from its folder.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.

    Returns
    -------
    RunResult
        Equal to the one that was written, NaN counted as equal.

    Raises
    ------
    DataError
        A file is missing, or is not what this version wrote.
    """
    rest = _load(folder, "run.json", json.loads)
    known = _read_instruments(folder)
    ledger = _read_messages(folder, "ledger", LedgerEvent, known)
    curve, benchmark = _read_curve(folder)
    return RunResult(
        description=decoded(RunDescription, rest["description"], known),
        curve=curve,
        benchmark=benchmark,
        greeks=_read_greeks(folder),
        decisions=_read_messages(folder, "decisions", DecisionRecord, known),
        orders=_read_messages(folder, "orders", Order, known),
        fills=tuple(event for event in ledger if isinstance(event, Fill)),
        trades=_read_messages(folder, "trades", Trade, known),
        open_packages=tuple(decoded(HeldPackage, item, known) for item in rest["open_packages"]),
        ledger=ledger,
        ledger_digest=rest["ledger_digest"],
        funnel={s: {g: (int(n[0]), int(n[1])) for g, n in gates.items()} for s, gates in rest["funnel"].items()},
        n_views=rest["n_views"],
        regimes={axis: tuple((int(at), str(state)) for at, state in path) for axis, path in rest["regimes"].items()},
        counts={name: int(number) for name, number in rest["counts"].items()},
        stopped=rest["stopped"],
        fill_quotes=_read_messages(folder, "fill_quotes", FillQuote, known),
        package_greeks=_read_package_greeks(folder),
        view_ns=_read_columns(folder, "views.parquet")["view_ns"],
        margin_calls=tuple(decoded(MarginCall, item, known) for item in rest.get("margin_calls", [])),
        strategy_days=_read_strategy_days(folder),
    )


def read_description(folder: Path) -> RunDescription:
    """Return what the run of a folder was."""
    return decoded(RunDescription, _load(folder, "run.json", json.loads)["description"], {})


def read_decisions(folder: Path) -> tuple[DecisionRecord, ...]:
    """Return the decisions of the run of a folder."""
    return _read_messages(folder, "decisions", DecisionRecord, _read_instruments(folder))


def read_decision_digests(folder: Path) -> dict[str, str]:
    """Return the digest of each decision by its id, taken when it was made."""
    lines: list[Any] = _load(folder, "decisions.jsonl", _of_lines)
    return {str(line["decision_id"]): str(line.get(_DIGEST, "")) for line in lines}


def _load(folder: Path, name: str, read: Callable[[bytes], Any]) -> Any:
    path = folder / RECORD / name
    try:
        return read(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            "this is no folder of a run", path=str(folder), found=f"no {RECORD}/{name}", action="name the run's folder"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError("a file of the run cannot be read", path=str(path), found=str(error)[:200]) from error


def _read_instruments(folder: Path) -> Instruments:
    lines: list[Any] = _load(folder, "instruments.jsonl", _of_lines)
    return {item.symbol: item for item in map(instrument_of, lines)}


def _of_lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def _read_messages(folder: Path, name: str, kind: Any, known: Instruments) -> tuple[Any, ...]:
    return tuple(decoded(kind, line, known) for line in _load(folder, f"{name}.jsonl", _of_lines))


def _read_columns(folder: Path, name: str) -> dict[str, np.ndarray]:
    import pyarrow.parquet as pq

    table = _load(folder, name, lambda content: pq.read_table(BytesIO(content)))
    return {column: table[column].to_numpy(zero_copy_only=False) for column in table.column_names}


def _read_curve(folder: Path) -> tuple[AccountCurve, np.ndarray]:
    columns = _read_columns(folder, "curve.parquet")
    benchmark = columns.pop("benchmark")
    return AccountCurve(**columns), benchmark


def _read_greeks(folder: Path) -> GreeksPath | None:
    if not (folder / RECORD / "greeks.parquet").is_file():
        return None
    return GreeksPath(**_read_columns(folder, "greeks.parquet"))


def _read_package_greeks(folder: Path) -> dict[str, GreeksPath]:
    if not (folder / RECORD / "package_greeks.parquet").is_file():
        return {}
    columns = _read_columns(folder, "package_greeks.parquet")
    owner = columns.pop(_PACKAGE)
    starts = [0, *(np.flatnonzero(owner[1:] != owner[:-1]) + 1).tolist(), owner.size]
    return {
        str(owner[start]): GreeksPath(**{name: values[start:end] for name, values in columns.items()})
        for start, end in pairwise(starts)
    }


def _read_strategy_days(folder: Path) -> StrategyDays | None:
    if not (folder / RECORD / "strategy_days.parquet").is_file():
        return None
    columns = _read_columns(folder, "strategy_days.parquet")
    names = tuple(name.removeprefix(_PNL) for name in columns if name.startswith(_PNL))
    shape = (columns["end_ns"].size, len(names))
    return StrategyDays(
        strategies=names,
        end_ns=columns["end_ns"],
        pnl=np.array([columns[f"{_PNL}{name}"] for name in names]).T.reshape(shape),
        rest=columns["rest"],
        weight=np.array([columns[f"{_WEIGHT}{name}"] for name in names]).T.reshape(shape),
    )
