"""``python -m tests.tuning.lanes.two_nodes FOLDER``: a Ray cluster of two nodes on loopback, until its input ends.

Each node is a process of its own with a core of its own. A line of JSON says where the cluster is, and which process
holds the second node.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

__all__ = ["environment_of_nodes", "main"]

_TOKEN = "token"  # noqa: S105  # the name of a file
# A node that does not answer is given up after seconds, and not after half a minute.
_WATCH = {"health_check_period_ms": 1000, "health_check_failure_threshold": 5}


def environment_of_nodes(folder: Path) -> dict[str, str]:
    """Return what all processes of the cluster, and a driver that joins it, have in their environment."""
    return {
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / _TOKEN),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray replaces a loopback address by another otherwise
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
    }


def main(folder: Path) -> None:
    """Hold the cluster until standard input ends."""
    token = folder / _TOKEN
    token.write_text(secrets.token_hex(32), encoding="utf-8")
    token.chmod(0o600)
    os.environ.update(environment_of_nodes(folder))
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False, "_system_config": _WATCH}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        second = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        raylet = second.all_processes["raylet"][0].process.pid
        sys.stdout.write(json.dumps({"address": cluster.address, "second": raylet}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
