"""The list of what a data set holds: numbered commits that are only ever added to, each chained to the one before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, TypeVar, final
from weakref import WeakKeyDictionary

import msgspec

from adapters.encoded.format import FORMAT, other_format
from adapters.store.files import AlreadyThereError, StoreFiles
from adapters.store.kinds import DataKind
from market.errors import DataError, VenueError

__all__ = ["Commit", "Manifest", "ManifestState", "Segment"]

_CHECKPOINT_EVERY: Final = 32
_CHECKPOINT_SHARE: Final = 16  # a checkpoint repeats all before it: evenly spaced, a year of minutes would fill a disk
_MAX_RIVALS: Final = 1_000
_ORIGIN: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One immutable file of a partition.

    Parameters
    ----------
    path : str
        Relative to the store's root.
    symbol, period : str
        Its partition.
    source : str
        Whose data: a vendor and its layout. Sources never correct each other.
    sha256 : str
        Of its bytes.
    n_rows, n_bytes : int
        Size.
    first_event_ns, last_event_ns : int
        Range of its event times, both included.
    first_known_ns, last_known_ns : int
        Range of the instants from which its rows were known.
    revises : bool
        Whether some key stands in it more than once, known from different instants.
    simulated : bool
        Whether any row is simulated.
    replaces : tuple of str
        Paths of segments that this one stands for, from `first_known_ns` on.
    origin : str
        File name or address that it was read from.
    merges : bool
        Whether it holds the very rows of the segments that it replaces.
    """

    path: str
    symbol: str
    period: str
    source: str
    sha256: str
    n_rows: int
    n_bytes: int
    first_event_ns: int
    last_event_ns: int
    first_known_ns: int
    last_known_ns: int
    revises: bool
    simulated: bool
    replaces: tuple[str, ...] = ()
    origin: str = ""
    merges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one writer added at once.

    Parameters
    ----------
    sequence : int
        From 1; without a gap.
    parent_sha256 : str
        Of the commit before.
    recorded_ns : int
        When it was written, ns since the epoch, UTC.
    source_sha256 : str
        Of the source file; empty where the data came otherwise.
    kinds : tuple of DataKind
        All kinds that the source gave; complete where each has its commit.
    segments : tuple of Segment
        What came in; empty where all of it was there before.
    format : int
        Layout of the commit and of its files, `adapters.encoded.format.FORMAT`.
    """

    sequence: int
    parent_sha256: str
    recorded_ns: int
    source_sha256: str
    kinds: tuple[DataKind, ...]
    segments: tuple[Segment, ...]
    format: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestState:
    """A data set as of one commit.

    Parameters
    ----------
    commits : tuple of Commit
        In order.
    sha256 : str
        Of the newest commit; it fixes the whole state.
    """

    commits: tuple[Commit, ...]
    sha256: str = _ORIGIN

    @property
    def sequence(self) -> int:
        """Number of the newest commit; 0 where there is none."""
        return self.commits[-1].sequence if self.commits else 0

    @property
    def named(self) -> tuple[Segment, ...]:
        """All segments that any commit names, in the order in which they came."""
        return tuple(segment for commit in self.commits for segment in commit.segments)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments without those whose rows now stand in a merged one, in the order in which they came."""
        merged = {path for segment in self.named if segment.merges for path in segment.replaces}
        return tuple(segment for segment in self.named if segment.path not in merged)

    def holds_source(self, sha256: str) -> bool:
        """Return whether a source file has been taken in."""
        return any(commit.source_sha256 == sha256 for commit in self.commits if commit.source_sha256)


class _Written(msgspec.Struct):
    format: int = 0


class _Checkpoint(msgspec.Struct):
    sha256: str
    commits: list[Commit]
    format: int = 0


_Read = TypeVar("_Read", Commit, _Checkpoint)
# What a process has read of a data set: commits are only ever added, so that only new ones are read again.
_newest: Final[WeakKeyDictionary[StoreFiles, dict[str, ManifestState]]] = WeakKeyDictionary()


@final
class Manifest:
    """The commits of one data set.

    Parameters
    ----------
    files : StoreFiles
        Where they lie.
    kind : DataKind
        Which data set.
    """

    def __init__(self, files: StoreFiles, kind: DataKind) -> None:
        self._files = files
        self.folder = f"kind={kind}/_manifest"

    def state(self, *, at: int | None = None) -> ManifestState:
        """Read the data set as it stands, or as it stood after a commit.

        Parameters
        ----------
        at : int, optional
            Number of the commit; the newest where it is not given.

        Returns
        -------
        ManifestState
            An unfinished commit is not part of it.
        """
        names = self._files.names(self.folder)
        state = self._begun(names, at)
        commits, sha256 = list(state.commits), state.sha256
        for name in names:
            if name.startswith("upto-") or _number(name) <= state.sequence or (at is not None and _number(name) > at):
                continue
            content = self._files.read(f"{self.folder}/{name}")
            commit = _decoded(content, f"{self.folder}/{name}", Commit)
            if commit.parent_sha256 != sha256 or commit.sequence != len(commits) + 1:
                raise _broken(f"{self.folder}/{name}", f"commit {commit.sequence} after {len(commits)}")
            commits.append(commit)
            sha256 = hashlib.sha256(content).hexdigest()
        if at is not None and len(commits) != at:
            raise DataError(
                "the data set has no such commit",
                path=self.folder,
                found=f"{len(commits)} commits",
                expected=f"commit {at}",
                action="name a version that `versions` lists",
            )
        found = state if len(commits) == state.sequence else ManifestState(commits=tuple(commits), sha256=sha256)
        if at is None:
            _newest.setdefault(self._files, {})[self.folder] = found
        return found

    def _begun(self, names: list[str], at: int | None) -> ManifestState:
        """Return the nearest state that need not be read commit by commit."""
        held = _newest.get(self._files, {}).get(self.folder)
        if at is None and held is not None and f"{held.sequence:012d}.json" in names:
            return held
        checkpoints = [n for n in names if n.startswith("upto-") and (at is None or _number(n) <= at)]
        return self._checkpoint(checkpoints[-1]) if checkpoints else ManifestState(commits=())

    def commit(
        self,
        segments: tuple[Segment, ...],
        *,
        recorded_ns: int,
        kinds: tuple[DataKind, ...],
        after: int,
        source_sha256: str = "",
    ) -> Commit:
        """Add segments.

        Parameters
        ----------
        segments : tuple of Segment
            Files that are already durable.
        recorded_ns : int
            Now, ns since the epoch, UTC.
        kinds : tuple of DataKind
            All kinds that the source gave.
        after : int
            Number of the commit on which the segments stand. Where another writer has since touched one of their
            partitions, or taken in the same source, nothing is written and a retryable `VenueError` is raised; a
            commit that touches others goes on top of it.
        source_sha256 : str, optional
            Of the source file.

        Returns
        -------
        Commit
            As written.
        """
        for _ in range(_MAX_RIVALS):
            state = self.state()
            if _collide(state.commits[after:], segments, source_sha256):
                break
            commit = Commit(
                sequence=state.sequence + 1,
                parent_sha256=state.sha256,
                recorded_ns=recorded_ns,
                source_sha256=source_sha256,
                kinds=kinds,
                segments=segments,
                format=FORMAT,
            )
            content = msgspec.json.encode(commit)
            try:
                self._files.create(f"{self.folder}/{commit.sequence:012d}.json", content)
            except AlreadyThereError:
                continue
            self._keep_short(state, commit, hashlib.sha256(content).hexdigest())
            return commit
        raise VenueError(
            "another writer has changed the data set",
            retryable=True,
            found=f"commit {self.state().sequence} in {self.folder}",
            expected=f"nobody else in the same partitions since commit {after}",
            action="run the import again; what it has written so far costs nothing but space",
        )

    def _keep_short(self, state: ManifestState, commit: Commit, sha256: str) -> None:
        # A reader opens the newest checkpoint and the few commits after it, not one file per import ever made.
        if not _ends_checkpoint(commit.sequence):
            return
        whole = _Checkpoint(sha256=sha256, commits=[*state.commits, commit], format=FORMAT)
        self._files.replace(f"{self.folder}/upto-{commit.sequence:012d}.json", msgspec.json.encode(whole))

    def _checkpoint(self, name: str) -> ManifestState:
        path = f"{self.folder}/{name}"
        found = _decoded(self._files.read(path), path, _Checkpoint)
        return ManifestState(commits=tuple(found.commits), sha256=found.sha256)


def _ends_checkpoint(sequence: int) -> bool:
    place = 0
    while place < sequence:
        place += max(_CHECKPOINT_EVERY, place // _CHECKPOINT_SHARE)
    return place == sequence


def _collide(since: tuple[Commit, ...], segments: tuple[Segment, ...], source_sha256: str) -> bool:
    ours = {(segment.symbol, segment.period, segment.source) for segment in segments}
    theirs = {(s.symbol, s.period, s.source) for commit in since for s in commit.segments}
    same_source = any(commit.source_sha256 == source_sha256 for commit in since if source_sha256)
    return same_source or bool(ours & theirs)


def _number(name: str) -> int:
    digits = name.removeprefix("upto-").removesuffix(".json")
    if not digits.isdigit():
        raise _broken(name, "a name without a number")
    return int(digits)


def _decoded(content: bytes, path: str, kind: type[_Read]) -> _Read:
    try:
        written = msgspec.json.decode(content, type=_Written).format
        # One without a number that cannot be read is damaged rather than old.
        found = msgspec.json.decode(content, type=kind) if written in {0, FORMAT} else None
    except msgspec.MsgspecError as error:
        raise _broken(path, str(error)[:200]) from error
    if found is None or written != FORMAT:
        raise other_format(path, written)
    return found


def _broken(path: str, found: str) -> DataError:
    return DataError(
        "the manifest of the store is damaged",
        path=path,
        found=found,
        expected="commits numbered without a gap, each naming the hash of the one before",
        action="restore the manifest from a copy, or import the sources into a new folder",
    )
