"""The running system: actors, gateway and supervision, started in one place and stopped in one place."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import structlog

from actors.state import ShardConfig
from cluster.feed_kind import FeedKind
from cluster.leftovers import kill_session
from cluster.runtime import RayRuntime, free_port, is_free, start_ray, usable_cores
from cluster.serve_env import APPLICATION, APPLICATION_NAME, BUS_NAME, NAMESPACE
from cluster.settings import Settings
from cluster.state_folder import SCRATCH_LINK, make_run_folder, prune_runs, token_file
from cluster.venues import EMULATED, Emulated, emulation_of
from cluster.wiring import Wiring, shard_names, wire
from market.clock import SystemClock
from market.errors import ConfigError, VenueError
from market.ports import Stream

if TYPE_CHECKING:
    from actors.messages import Publication
    from adapters.emulated.process import VenueProcess
    from cluster.supervise import Observation, Supervisor

__all__ = ["System", "Urls"]

_LOG = structlog.get_logger("hedgefield.system")
_FIRST_PORT: Final = 8000
_STOP_S: Final = 3.0
_CLOSE_S: Final = 30.0  # a feed that is recorded writes what waits
_POLL_S: Final = 0.2
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where the system answers.

    Parameters
    ----------
    page : str
        The page, with the token.
    api : str
        Root of the API, without the token.
    docs : str
        The API's documentation.
    metrics : str
        Ray's metrics page; empty where the cluster is not ours.
    """

    page: str
    api: str
    docs: str
    metrics: str


def _venue_process(settings: Settings) -> VenueProcess | None:
    if settings.feed.kind is not FeedKind.VENUE or settings.venue.name != EMULATED:
        return None
    emulation = emulation_of(settings)
    from adapters.emulated.process import VenueProcess

    return VenueProcess(emulation)


@final
class System:
    """Everything that ``hedgefield up`` runs.

    Parameters
    ----------
    settings : Settings
        The whole tree.
    gateway : bool, optional
        Whether to start the gateway.
    """

    def __init__(self, settings: Settings, *, gateway: bool = True) -> None:
        self._settings, self._gateway = settings, gateway
        self._venue = _venue_process(settings)
        self._wiring: Wiring | None = None if self._venue is not None else wire(settings)
        self._run_id = f"{os.getpid()}-{SystemClock().now_ns()}"
        self._runtime: RayRuntime | None = None
        self._folder: Path | None = None
        self._actors: dict[str, Any] = {}
        self._port, self._token = 0, Path()
        self._supervisor: Supervisor | None = None
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    def start(self) -> None:
        """Start all parts; on a failure what has been started is stopped again."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        home = self._settings.folder
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        prune_runs(home)
        self._folder = make_run_folder(home, self._run_id)
        self._token = token_file(home, self._settings.token, self._folder)
        self._port = self._choose_port()
        if self._venue is not None:
            self._wiring = wire(self._settings, Emulated(endpoint=self._venue.start(), folder=self._folder))
        cluster = self._settings.cluster
        self._runtime = start_ray(
            self._folder,
            address=cluster.address,
            # The shards declare a core each; bus, feed, ledger and gateway wait most of the time and declare none.
            num_cpus=max(usable_cores(), len(shard_names(self._settings))),
            object_store_mb=cluster.object_store_mb,
            dashboard=cluster.dashboard,
            metrics_port=cluster.metrics_port,
        )
        self._make_actors()
        if self._gateway:
            self._start_gateway()
        self._start_supervision()

    def _choose_port(self) -> int:
        http = self._settings.http
        if http.port is None:
            return free_port(_FIRST_PORT, host=http.host)
        if not is_free(http.port, http.host):
            raise ConfigError(
                "the port is taken",
                found=f"{http.host}:{http.port}",
                action="stop what listens there, choose another --port, or leave --port out",
            )
        return http.port

    def _make_actors(self) -> None:
        import ray

        from actors.addresses import ActorAddress
        from actors.bus import BusActor
        from actors.delivery import FeedConfig
        from actors.feed import FeedActor
        from actors.ledger import LedgerActor
        from actors.ledger_state import LedgerConfig
        from actors.shard import SymbolActor
        from adapters.sql.event_log import SqlLogFactory

        def restarted(kind: type[Any], name: str, *arguments: object, cpus: int = 0) -> ActorAddress:
            # A call that failed is never repeated by Ray: the supervisor brings a restarted part up to date.
            options = ray.remote(kind).options(
                name=name, namespace=NAMESPACE, num_cpus=cpus, max_restarts=-1, max_task_retries=0
            )
            self._actors[name] = options.remote(*arguments)
            return ActorAddress(name=name, namespace=NAMESPACE)

        settings, folder = self._settings, self._folder or Path()
        bus = restarted(BusActor, BUS_NAME)
        shards = {
            name: restarted(SymbolActor, name, self._shard_config(name), str(folder / f"{name}.ckpt"), bus, cpus=1)
            for name in shard_names(settings)
        }
        ledger = LedgerConfig(
            snapshot_period_s=settings.ledger.snapshot_period_s, health_period_s=settings.ledger.health_period_s
        )
        log = SqlLogFactory(url=settings.ledger_url(), run_id=self._run_id)
        restarted(LedgerActor, "ledger", log, bus, ledger)
        feeding = FeedConfig(replays=settings.feed.kind is not FeedKind.VENUE)
        restarted(FeedActor, "feed", self._wired.factory, shards, bus, feeding)

    def _shard_config(self, name: str) -> ShardConfig:
        return ShardConfig(
            name=name,
            run_id=self._run_id,
            live=self._wired.live,
            impacts=self._wired.impacts,
            stale_after_s=self._settings.stale_after_s,
        )

    def _start_gateway(self) -> None:
        from ray import serve

        module, _, function = APPLICATION.partition(":")
        build = getattr(importlib.import_module(module), function)
        logging.getLogger("ray.serve").setLevel(logging.WARNING)  # its progress is not the user's
        serve.start(
            http_options={"host": self._settings.http.host, "port": self._port}, logging_config={"log_level": "WARNING"}
        )
        arguments = {
            "token_file": str(self._token),
            "stale_after_s": self._settings.stale_after_s,
            "bus_name": BUS_NAME,
            "namespace": NAMESPACE,
        }
        serve.run(build(arguments), name=APPLICATION_NAME, route_prefix="/")

    def _start_supervision(self) -> None:
        from cluster.supervise import Supervisor

        shards = {name: handle for name, handle in self._actors.items() if name.startswith("shard-")}
        self._supervisor = Supervisor(
            shards,
            self._actors["feed"],
            self._actors["bus"],
            self._actors["ledger"],
            checkpoint_period_s=self._settings.checkpoint_period_s,
        )
        self._watch = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._watch.start()

    def _supervise(self) -> None:
        clock = SystemClock()
        supervisor = self._supervisor
        while supervisor is not None and not self._stopping.is_set():
            try:
                supervisor.tick(clock.now_ns())
            except Exception:  # noqa: BLE001  # supervision must outlive whatever one round meets
                if not self._stopping.is_set():
                    _LOG.exception("a round of supervision failed")
            self._stopping.wait(1.0)

    @property
    def urls(self) -> Urls:
        """Where the system answers."""
        root = f"http://{self._settings.http.host}:{self._port}"
        metrics = self._runtime.metrics_port if self._runtime else None
        return Urls(
            page=f"{root}/?token={self._token.read_text(encoding='utf-8').strip()}",
            api=f"{root}/v1",
            docs=f"{root}/docs",
            metrics=f"http://127.0.0.1:{metrics}/metrics" if metrics else "",
        )

    @property
    def _wired(self) -> Wiring:
        if self._wiring is None:
            raise AssertionError("an emulated venue is wired when it runs")
        return self._wiring

    @property
    def simulated(self) -> bool:
        """Whether the data is simulated."""
        return self._wired.simulated

    @property
    def title(self) -> str:
        """What is fed, for people."""
        return self._wired.title

    @property
    def venue_ended(self) -> bool:
        """Whether the emulated venue has ended before the system."""
        return self._venue is not None and not self._stopping.is_set() and not self._venue.is_running

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines can reach the gateway."""
        return self._settings.http.host not in _LOOPBACK

    @property
    def observation(self) -> Observation | None:
        """What the supervisor saw last; None before its first round."""
        return self._supervisor.last if self._supervisor else None

    @property
    def restarts(self) -> int:
        """Shards whose process was replaced."""
        return self._supervisor.restarts if self._supervisor else 0

    def publications(self) -> Mapping[str, Publication]:
        """Return the newest field of each symbol, from the bus."""
        import ray

        from actors.codec import decode
        from actors.messages import Publication

        batch = ray.get(self._actors["bus"].poll.remote(Stream.FIELD_SNAPSHOTS, 0, 1_000_000, 0.0), timeout=30.0)
        return {message.key: decode(Publication, message.payload) for message in batch.messages}

    def n_published(self) -> int:
        """Return how many symbols have a field."""
        import ray

        kept: int = ray.get(self._actors["bus"].counts.remote(), timeout=30.0)[Stream.FIELD_SNAPSHOTS].kept
        return kept

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the gateway says that it is ready.

        Parameters
        ----------
        timeout_s : float
            How long, seconds; VenueError after that.
        """
        url = f"http://{self._settings.http.host}:{self._port}/readyz"
        deadline, found = time.monotonic() + timeout_s, "no answer"
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=2.0) as answer:
                    if answer.status == 200:
                        return
            except urllib.error.HTTPError as error:
                found = f"HTTP {error.code}"
            except OSError as error:
                found = str(error)
            self._stopping.wait(_POLL_S)
        raise VenueError("the gateway is not ready", retryable=True, found=found, action="look into the log")

    def stop(self) -> None:
        """Stop all parts, in the order of the data's way; safe to call twice."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join(_STOP_S)
        if self._runtime is not None:
            # Serve's controller ends inside its own call, and Ray prints that to standard output as a failure.
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self._drain()
                self._runtime.stop()
            _LOG.info("stopped", ray_said=said.getvalue())
            self._runtime = None
        if self._venue is not None:
            self._venue.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)  # sequences of this run mean nothing to the next

    def abandon(self) -> None:
        """End our own Ray processes at once, without order; what the ledger has acknowledged stays."""
        link = (self._folder or Path()) / SCRATCH_LINK
        if link.is_symlink():
            kill_session(link.readlink())

    def _drain(self) -> None:
        import ray
        from ray.exceptions import RayError

        for name in ("feed", "ledger"):  # first what produces, then what keeps
            handle = self._actors.get(name)
            try:
                if handle is not None:
                    ray.get(handle.stop.remote(), timeout=_CLOSE_S if name == "feed" else _STOP_S)
            except (RayError, TimeoutError) as error:
                _LOG.warning("a part did not stop in time", part=name, error=type(error).__name__)
        if self._gateway:
            from ray import serve

            serve.delete(APPLICATION_NAME, _blocking=False)
            serve.shutdown()  # type: ignore[no-untyped-call]  # Serve leaves it untyped
        if self._settings.cluster.address is not None:
            for handle in self._actors.values():
                ray.kill(handle)
