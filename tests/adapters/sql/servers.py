"""A private PostgreSQL on a unix socket, for the tests of what may lie in one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BINARIES = Path("/usr/lib/postgresql/15/bin")


def _as_owner(folder: Path, command: str) -> None:
    # PostgreSQL refuses to run as root.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, "sh", "-c", command], check=True, cwd=folder, stdout=subprocess.DEVNULL)


@contextmanager
def private_postgres() -> Iterator[str]:
    """Start a server, yield its URL, and end it; the test is skipped where there is none."""
    if not (_BINARIES / "initdb").exists():
        pytest.skip(f"no PostgreSQL at {_BINARIES}")
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="hf-pg-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    _as_owner(folder, f"{_BINARIES}/initdb -D {folder}/data -A trust -U tester --no-sync")
    options = f"-c listen_addresses= -k {folder}"
    _as_owner(folder, f"{_BINARIES}/pg_ctl -D {folder}/data -w -l {folder}/log -o '{options}' start")
    try:
        yield f"postgresql+psycopg://tester@/postgres?host={folder}"
    finally:
        _as_owner(folder, f"{_BINARIES}/pg_ctl -D {folder}/data -m immediate stop")
        shutil.rmtree(folder, ignore_errors=True)
