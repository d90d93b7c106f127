"""What the NetworkPolicies of each environment let through, with real connections."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from . import cloud
from .pod import Pod
from .running import PROGRAMS, Running

METADATA = "169.254.169.254"
INTERNET = "198.51.100.7"


@pytest.fixture(scope="module")
def strangers(running: Running) -> Iterator[list[str]]:
    """Addresses that take connections and are none of the server's business."""
    metadata = [("metadata", 80, METADATA)] if running.name != "gke-workload-identity" else []
    places = [("neighbour", 8080, None), *metadata, ("internet", 8080, INTERNET)]
    pods = [cloud.listener(running.cluster, name, port, address) for name, port, address in places]
    yield [f"{pod.link.address}:{port}" for pod, (_, port, _) in zip(pods, places, strict=True)]
    for pod in pods:
        running.cluster.dismiss(pod)


def reached(pod: Pod, addresses: list[str]) -> dict[str, int | str]:
    """Which of the addresses the main container of a pod can connect to."""
    program = (PROGRAMS / "fetch.py").read_text(encoding="utf-8")
    done = pod.main.execute(["python", "-c", program, "--connect", *addresses], 60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def ports(running: Running) -> list[str]:
    """The addresses and ports of the databases and stores of the environment."""
    pods = running.own
    return [f"{pod.link.address}:{port['containerPort']}" for pod in pods for port in pod.container["ports"]]


def test_server_reaches_what_it_needs_alone(running: Running, strangers: list[str]) -> None:
    """The server reaches its database and its store, and no neighbour, no metadata service, no other port outside"""
    needed = [f"{pod.link.address}:{running.port_of(pod)}" for pod in running.parts]
    open_to_all = running.program("fetch.py", "--connect", *strangers)
    assert set(open_to_all.answer.values()) == {1}, open_to_all.log
    seen = reached(running.servers[0], [*needed, *strangers])
    assert [seen[address] for address in needed] == [1] * len(needed), seen
    assert 1 not in [seen[address] for address in strangers], seen


def test_strangers_reach_the_server_alone(running: Running) -> None:
    """Pods of this and of other namespaces reach the server, and neither database nor store"""
    closed = ports(running)
    server = f"{running.servers[0].link.address}:5000"
    if not closed:
        pytest.skip("database and store are outside the cluster, where no NetworkPolicy guards them")
    for namespace in ("team", running.objects.namespace):
        seen = running.program("fetch.py", "--connect", server, *closed, namespace=namespace).answer
        assert seen.pop(server) == 1
        assert 1 not in seen.values(), seen
