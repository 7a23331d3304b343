"""Tables of the trial ledger; their names bear a prefix because Optuna's tables may lie in the same database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["EVALUATIONS", "METADATA", "RESULTS", "SCHEMA_VERSION", "SOURCES", "TRIALS", "VERSIONS"]

SCHEMA_VERSION: Final = 1
METADATA: Final = MetaData()
VERSIONS: Final = Table("hedgefield_trial_schema", METADATA, Column("version", Integer, primary_key=True))

_ID: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
_DIGEST: Final = String(64)

TRIALS: Final = Table(
    "hedgefield_trials",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("trial_key", _DIGEST, nullable=False, unique=True),
    Column("ts_event_ns", BigInteger, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("data_digest", _DIGEST, nullable=False),
    Column("config_digest", _DIGEST, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("simulated", Boolean),
    Index("hedgefield_trials_by_data", "data_digest", "config_digest"),
)
SOURCES: Final = Table(
    "hedgefield_sources",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("data_digest", _DIGEST, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", _DIGEST, nullable=False),
    Column("kind", Text, nullable=False),
    Column("market", Text, nullable=False),
    UniqueConstraint("data_digest", "name", "digest", "market", name="hedgefield_source_once"),
    Index("hedgefield_sources_by_market", "market"),
    Index("hedgefield_sources_by_digest", "digest"),
)
RESULTS: Final = Table(
    "hedgefield_results",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("trial_key", _DIGEST, nullable=False),
    Column("sharpe", Float(53)),  # empty for NaN, which SQLite does not know
    Column("n_days", Integer, nullable=False),
    Column("first_day", String(10), nullable=False),
    Column("last_day", String(10), nullable=False),
    Index("hedgefield_results_by_trial", "trial_key"),
)
EVALUATIONS: Final = Table(
    "hedgefield_evaluations",
    METADATA,
    Column("key", _DIGEST, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("ts_event_ns", BigInteger, nullable=False),
    Column("code_version", Text, nullable=False),
)
