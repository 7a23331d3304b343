"""The state folder: a token that only its owner reads, and runs that leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster.runtime import free_port, is_free
from cluster.state_folder import SCRATCH_LINK, make_run_folder, prune_runs, require_state_folder, token_file
from market.errors import ConfigError


def test_a_token_is_made_once_and_is_private(tmp_path: Path) -> None:
    """The same token serves every run; nobody else can read it."""
    path = token_file(tmp_path, None, tmp_path)
    token = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(token.strip()) >= 32
    assert token_file(tmp_path, None, tmp_path).read_text(encoding="utf-8") == token


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A leaked token is no token; the message says how to mend it."""
    path = token_file(tmp_path, None, tmp_path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        token_file(tmp_path, None, tmp_path)


def test_a_given_token_goes_with_its_run(tmp_path: Path) -> None:
    """A token of the environment is not kept in the state folder."""
    run = make_run_folder(tmp_path, "1-2")
    path = token_file(tmp_path, SecretStr("a-token-of-my-own"), run)
    assert path.parent == run
    assert not (tmp_path / "token").exists()


def test_only_runs_whose_process_is_gone_are_removed(tmp_path: Path) -> None:
    """Another running system keeps its checkpoints."""
    alive = make_run_folder(tmp_path, f"{os.getpid()}-1")
    dead = make_run_folder(tmp_path, f"{_unused_pid()}-1")
    assert prune_runs(tmp_path) == 1
    assert alive.is_dir()
    assert not dead.exists()


def test_what_a_killed_run_left_behind_is_ended_and_removed(tmp_path: Path) -> None:
    """Orphans of a dead run's session and its folder go; a process of another session stays."""
    dead, session, other = make_run_folder(tmp_path, f"{_unused_pid()}-1"), tmp_path / "hf-1", tmp_path / "hf-12"
    session.mkdir()
    (dead / SCRATCH_LINK).symlink_to(session)
    orphan, stranger = (
        subprocess.Popen(["/bin/sleep", "60"], env={"RAY_TMPDIR": str(folder)}) for folder in (session, other)
    )
    try:
        assert prune_runs(tmp_path) == 1
        assert orphan.wait(timeout=10.0) == -signal.SIGKILL
        assert stranger.poll() is None
        assert not session.exists()
    finally:
        orphan.kill()
        stranger.kill()
        stranger.wait()


def _unused_pid() -> int:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    return child


def test_a_taken_port_is_passed_over() -> None:
    """The next free port is found, below the range that the kernel hands out."""
    import socket

    with socket.socket() as taken:
        first = free_port(21_000)
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert not is_free(first)
        assert first < free_port(first) < 32_768


def test_a_state_folder_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    """It is made where it is missing; where a file is in the way, the error says what to set."""
    assert require_state_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="the state folder cannot be written") as caught:
        require_state_folder(tmp_path / "file" / "home")
    assert "HEDGEFIELD_HOME" in str(caught.value)
