"""Connects to the internet, to the host, to sockets of the host."""

import socket

from bait import LISTENERS, TOKEN, attempt, contents, in_a_cell, tried


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(1.0)
        made.connect(address)
        return "connected"


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        return made.sendto(TOKEN.encode(), address)


def gateways():
    """Addresses of routers, from the kernel's table of routes."""
    for line in contents("/proc/net/route").decode().splitlines()[1:]:
        number = line.split()[2]
        if number != "00000000":
            yield socket.inet_ntoa(bytes.fromhex(number)[::-1])


hosts = {host for host, _ in LISTENERS} | set(gateways()) | {"172.17.0.1", "host.docker.internal"}
for host in sorted(hosts):
    for port in {port for _, port in LISTENERS}:
        attempt(f"connected to {host}:{port}", connect, socket.AF_INET, (host, port))

if in_a_cell():
    for host, port in (("1.1.1.1", 443), ("8.8.8.8", 53), ("169.254.169.254", 80)):
        attempt(f"connected to {host}:{port}", connect, socket.AF_INET, (host, port))
        attempt(f"sent to {host}:{port}", send, (host, port))
    attempt("resolved a name", socket.gethostbyname, "example.com")
    attempt("IPv6", connect, socket.AF_INET6, ("2606:4700:4700::1111", 443))
    attempt("raw socket", socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    attempt("packet socket", socket.socket, socket.AF_PACKET, socket.SOCK_RAW)

paths = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]
for line in contents("/proc/net/unix").decode("utf-8", "replace").splitlines()[1:]:
    name = line.split()[7:]
    if name and name[0].startswith("@"):
        paths.append("\0" + name[0][1:])
for path in paths if in_a_cell() else ():
    attempt(f"connected to {path!r}", connect, socket.AF_UNIX, path)
tried()
