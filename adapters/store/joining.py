"""Tables of several sources as one: a column that they type differently gets the type that all of them fit into."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from market.errors import DataError

__all__ = ["joined"]


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables, one after the other.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        One or more. A column that one lacks is empty there; one that is coded as a dictionary here and plain there is
        plain.

    Returns
    -------
    pyarrow.Table
        Raises `DataError` where a column is words in one table and numbers in another.
    """
    try:
        return pa.concat_tables(_plain(tables), promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise DataError(
            "a column has types that do not go together",
            found=str(error).splitlines()[0][:200],
            expected="words or numbers in all tables",
            action="read one source at a time",
        ) from error


def _plain(tables: Sequence[pa.Table]) -> list[pa.Table]:
    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in types.items() if len(found) > 1}
    return [_decoded(table, mixed) for table in tables]


def _decoded(table: pa.Table, names: set[str]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.name in names and pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table
