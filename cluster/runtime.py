"""Start and stop of Ray: a private local cluster on loopback, or a connection to a running one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster.loopback import HOOK, haproxy_on_loopback
from cluster.serve_env import NAMESPACE, RAY_ENVIRONMENT
from cluster.state_folder import SCRATCH_LINK
from market.errors import ConfigError, VenueError

__all__ = ["RayRuntime", "free_port", "is_free", "job_address", "start_ray", "usable_cores"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_EPHEMERAL_FROM: Final = 32_768  # the kernel hands out ports from here on to anyone
_PACKAGES: Final = (
    "market",
    "fields",
    "risk",
    "strategies",
    "execution",
    "backtest",
    "adapters",
    "actors",
    "cluster",
    "serve",
    "tuning",
)
_OF_A_JOB: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # a job's driver has its cluster's token and code already


@dataclass(frozen=True, slots=True, kw_only=True)
class RayRuntime:
    """A started or joined cluster.

    Parameters
    ----------
    address : str
        Address of its control store.
    owned : bool
        Whether this process started it and must stop it.
    metrics_port : int or None
        Port of the metrics page on loopback; None where the cluster is not ours.
    scratch : pathlib.Path or None
        Folder of Ray's session, removed at the end; None where the cluster is not ours.
    """

    address: str
    owned: bool
    metrics_port: int | None
    scratch: Path | None

    def stop(self) -> None:
        """Leave the cluster, and end it where it is ours."""
        import ray

        ray.shutdown()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def job_address() -> str | None:
    """Return the address of the cluster that Ray names in the environment, as it does for a job; None without one."""
    return os.environ.get("RAY_ADDRESS") or None


def free_port(first: int, taken: Iterable[int] = (), host: str = "127.0.0.1") -> int:
    """Return the first port from a number on that nobody listens on.

    Parameters
    ----------
    first : int
        Where to begin.
    taken : iterable of int, optional
        Ports that are promised already.
    host : str, optional
        Interface.

    Returns
    -------
    int
        Below 32768, so that no outgoing connection can take it.
    """
    for port in range(first, _EPHEMERAL_FROM):
        if port not in set(taken) and is_free(port, host):
            return port
    raise ConfigError("no free port", found=f"all from {first} taken", action="stop what listens there")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a port can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection may linger there
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def start_ray(
    run_folder: Path,
    *,
    address: str | None = None,
    num_cpus: int | None = None,
    object_store_mb: int = 512,
    dashboard: bool = False,
    metrics_port: int | None = None,
    with_code: bool = False,
) -> RayRuntime:
    """Start a private Ray cluster on this machine, or join one.

    Parameters
    ----------
    run_folder : pathlib.Path
        Private folder of the run.
    address : str, optional
        Address of a running cluster; without it one is started, reachable from this machine only.
    num_cpus : int, optional
        Logical CPUs of a local cluster; the usable cores without it.
    object_store_mb : int, optional
        Memory of the object store, MB.
    dashboard : bool, optional
        Whether to start Ray's dashboard, on loopback.
    metrics_port : int, optional
        Port of the metrics page; a free one without it.
    with_code : bool, optional
        Whether a cluster that is joined gets this code for its workers, so that no other version runs there; a job
        brings its own with it.

    Returns
    -------
    RayRuntime
        Stop it when done.
    """
    if address is not None:
        _join(address, with_code=with_code)
        return RayRuntime(address=address, owned=False, metrics_port=None, scratch=None)
    scratch = Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))  # socket paths end at 107 characters
    (run_folder / SCRATCH_LINK).symlink_to(scratch)  # a run that is killed leaves it to the next one to remove
    try:
        port = metrics_port or free_port(8085)
        os.environ.update(_environment(scratch, run_folder, port))
        os.environ.pop("RAY_ADDRESS", None)
        import ray  # now: its import reads the environment, and would leave authentication off

        ray.init(
            "local",
            num_cpus=num_cpus or usable_cores(),
            object_store_memory=object_store_mb * 1_000_000,
            include_dashboard=dashboard,
            dashboard_host="127.0.0.1",
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"worker_process_setup_hook": HOOK},
            _node_ip_address="127.0.0.1",
            _metrics_export_port=port,
        )
    except BaseException as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if type(error) is not Exception:
            raise
        # Ray says by a bare Exception that a node did not come up in 30 s.
        raise VenueError(
            "the local Ray cluster did not start",
            retryable=True,
            found=str(error).partition("\n")[0],
            expected="a node that is up within half a minute",
            action="wait until the machine is less busy, then start again",
        ) from error
    found = str(ray.get_runtime_context().gcs_address)
    return RayRuntime(address=found, owned=True, metrics_port=port, scratch=scratch)


def _join(address: str, *, with_code: bool) -> None:
    is_job = _OF_A_JOB in os.environ
    if not is_job:
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # a client does not switch by itself
    import ray
    from ray.exceptions import AuthenticationError

    code = {"py_modules": [str(_ROOT / name) for name in _PACKAGES], "excludes": ["__pycache__"]}
    environment = code if with_code and not is_job else None
    try:
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False, runtime_env=environment)
    except (AuthenticationError, ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            "the Ray cluster cannot be joined",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected=f"a cluster at {address}",
            action="check --address and the cluster's token (RAY_AUTH_TOKEN_PATH)",
        ) from error


def _environment(scratch: Path, run_folder: Path, metrics_port: int) -> dict[str, str]:
    secret = run_folder / "ray_token"
    descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
    haproxy_metrics = free_port(9101, {metrics_port})
    stats = free_port(8404, {metrics_port, haproxy_metrics})
    paths = [str(_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    own: dict[str, Any] = {
        "RAY_TMPDIR": scratch,
        # Ray would write its own token where every user of the machine can read it.
        "RAY_AUTH_TOKEN_PATH": secret,
        # With "0" Ray stays on 127.0.0.1; it replaces a given loopback address otherwise.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_SERVE_HAPROXY_METRICS_PORT": haproxy_metrics,
        "RAY_SERVE_HAPROXY_STATS_PORT": stats,
        # The Python proxy behind HAProxy has fixed ports too: a second system on the host could not start.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": free_port(8500, {metrics_port, haproxy_metrics, stats}),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": free_port(9500, {metrics_port, haproxy_metrics, stats}),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": scratch / "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": scratch / "admin.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": scratch,
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": scratch / "server-state",
        "RAY_SERVE_HAPROXY_BINARY_PATH": haproxy_on_loopback(scratch, metrics_port=haproxy_metrics, stats_port=stats),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
    }
    return RAY_ENVIRONMENT | {name: str(value) for name, value in own.items()}
