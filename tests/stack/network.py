"""A node's network: a namespace and an address for every pod, Services as destination NAT, names as a DNS server.

Everything lives in one network namespace, the node, so that nothing of the machine's own network changes and all of it
goes away with the namespace. Pods are routed, not bridged: each has a /32 on its own link to the node.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

CLONE_NEWNET = 0x40000000
NETNS = Path("/run/netns")
NODE = "10.0.0.2"
GATEWAY = "169.254.1.1"
DNS = "10.96.0.10"
PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"
_networks = count(1)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Link:
    """A pod's place in the network."""

    namespace: str
    address: str
    device: str


@dataclass(frozen=True)
class Port:
    """A port of a Service, and the addresses and ports of the pods behind it."""

    address: str
    port: int
    endpoints: tuple[tuple[str, int], ...]


def run(*command: str, text: str | None = None) -> str:
    """Runs a command that must succeed, and returns what it prints."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread, and no other, in a network namespace; sockets stay in the one that they were made in."""
    with Path("/proc/thread-self/ns/net").open("rb") as home, (NETNS / namespace).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """The node and its pods. `close` takes all of it away."""

    def __init__(self) -> None:
        self.prefix = f"stack{os.getpid()}-{next(_networks)}"
        self.node = f"{self.prefix}-node"
        self._numbers = count(2)
        self._links: list[Link] = []
        self._lock = threading.Lock()
        self._sweep()
        self._batch(f"netns add {self.node}")
        self._batch(
            "link set lo up",
            *(f"address add {address}/32 dev lo" for address in (NODE, GATEWAY, DNS)),
            # Without a route there, a Service without pods would not reach the rule that refuses it.
            "link add services type bridge",
            "link set services up",
            f"route add {SERVICES} dev services",
            namespace=self.node,
        )
        with inside(self.node):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
        self.publish([], [])

    def attach(self, address: str | None = None) -> Link:
        """A namespace for a new pod, reachable at an address."""
        with self._lock:
            number = next(self._numbers)
            link = Link(
                f"{self.prefix}-{number}", address or f"10.244.{number // 250}.{number % 250 + 1}", f"v{number}"
            )
            self._links.append(link)
        self._batch(
            f"netns add {link.namespace}",
            f"link add {link.device} netns {self.node} type veth peer name eth0 netns {link.namespace}",
        )
        with inside(link.namespace):
            # As container runtimes set it: any user may listen on any port.
            Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0", encoding="ascii")
        self._batch(
            "link set lo up",
            "link set eth0 up",
            f"address add {link.address}/32 dev eth0",
            f"route add {GATEWAY} dev eth0 scope link",
            f"route add default via {GATEWAY}",
            namespace=link.namespace,
        )
        self._batch(
            f"link set {link.device} up",
            f"route add {link.address}/32 dev {link.device} src {NODE}",
            namespace=self.node,
        )
        return link

    def detach(self, link: Link) -> None:
        """Takes a pod's namespace away."""
        with self._lock:
            if link not in self._links:
                return
            self._links.remove(link)
        self._batch(f"netns delete {link.namespace}")

    def publish(self, ports: Sequence[Port], policy: Sequence[str]) -> None:
        """Replaces the Services' rules, and the chain `allowed`, which new connections pass."""
        nat = [rule for port in ports for rule in _destinations(port)]
        lines = [
            "table ip stack {",
            *(policy or ["chain allowed {", "}"]),
            "chain services { type nat hook prerouting priority dstnat;",
            *nat,
            "}",
            "chain forwarded { type filter hook forward priority filter;",
            "ct state established,related accept",
            f"ip daddr {SERVICES} reject with icmp type port-unreachable",
            "jump allowed",
            "}",
            "chain arriving { type filter hook input priority filter;",
            "ct state established,related accept",
            "jump allowed",
            "}",
            "}",
        ]
        text = "table ip stack\ndelete table ip stack\n" + "\n".join(lines) + "\n"
        run("nsenter", f"--net={NETNS / self.node}", "nft", "-f", "-", text=text)

    def close(self) -> None:
        """Takes all namespaces away, and with them the links and rules."""
        for link in list(self._links):
            self.detach(link)
        self._batch(f"netns delete {self.node}")

    def _sweep(self) -> None:
        """Takes away what a run left that was killed."""
        for path in NETNS.glob("stack*-*") if NETNS.is_dir() else ():
            process = path.name.removeprefix("stack").partition("-")[0]
            if not Path("/proc", process).exists():
                self._batch(f"netns delete {path.name}")

    def _batch(self, *lines: str, namespace: str | None = None) -> None:
        where = ["-netns", namespace] if namespace else []
        run("ip", *where, "-batch", "-", text="\n".join(lines) + "\n")


def _destinations(port: Port) -> Iterator[str]:
    """As kube-proxy does it: each rule takes its share of what the rules before it left."""
    for index, (address, number) in enumerate(port.endpoints):
        left = len(port.endpoints) - index
        share = f"numgen random mod {left} == 0 " if left > 1 else ""
        yield f"ip daddr {port.address} tcp dport {port.port} {share}dnat to {address}:{number}"


def addresses(names: Mapping[str, str], question: str) -> list[str]:
    """The addresses of a name; `*.` at the start of a known name stands for one label or more."""
    known = question.lower().rstrip(".")
    if known in names:
        return [names[known]]
    labels = known.split(".")
    wild = (".".join(["*", *labels[start:]]) for start in range(1, len(labels)))
    return [names[name] for name in wild if name in names][:1]
