"""Asks the way to the index for what it is not there for."""

import socket

from bait import FILES, LISTENERS, PHASE, TOKEN, attempt, contents, managed, tried


def ask(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=2.0) as made:
        made.settimeout(2.0)
        made.sendall(request)
        answer = b""
        while len(answer) < 1 << 16:
            piece = made.recv(1 << 16)
            if not piece:
                break
            answer += piece
            if PHASE == "import":
                break
        return answer


def get(port, target, method="GET", more=""):
    request = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}\r\n"
    return attempt("", ask, port, request.encode("latin-1")) or b""


def listening():
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (attempt("", contents, table) or b"").decode().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield int(fields[1].rpartition(":")[2], 16)


ups = (
    "/../",
    "/../../../../../../",
    "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/",
    "/..%2f..%2f..%2f..%2f..%2f",
    "//",
)
stems = ("", "/files", "/simple", "/0", "/metadata")
for port in sorted(set(listening())):
    if PHASE == "import":
        if b" 200 " in get(port, "/simple/").partition(b"\r\n")[0]:
            managed(f"the index answers while importing, port {port}")
        continue
    wanted = [
        stem + up + path.lstrip("/")
        for path in (*FILES, "/etc/passwd", "/etc/hostname")
        for up in ups
        for stem in stems
    ]
    wanted += ["file://" + path for path in FILES]
    for host, where in LISTENERS:
        address = f"http://{host}:{where}/"
        wanted += [address, "/files/" + address, "/files/?url=" + address, "/simple/" + address]
        answer = get(port, f"{host}:{where}", "CONNECT")
        if b" 200 " in answer.partition(b"\r\n")[0]:
            managed(f"CONNECT to {host}:{where}")
    for target in wanted:
        answer = get(port, target)
        if TOKEN.encode() in answer or b"root:" in answer:
            managed(f"GET {target} gave {answer[:100]!r}")
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        answer = get(port, "/simple/victim/", method, "Content-Length: 4\r\n")
        if b" 20" in answer.partition(b"\r\n")[0]:
            managed(f"{method} was accepted")
    for header in (
        "X-Forwarded-Host: 127.0.0.1",
        "Host: {}:{}".format(*(LISTENERS or (("x", 1),))[0]),
    ):
        get(port, "/simple/", "GET", header + "\r\n")
    get(port, "/simple/" + "x" * 100000)
    get(port, "/simple/", "GET", "X-Long: " + "x" * 1000000 + "\r\n")
    attempt("", ask, port, b"\x00\xff" * 1000 + b"\r\n\r\n")

    held = []
    for _ in range(500):  # these stay open until the process ends
        made = attempt("", socket.create_connection, ("127.0.0.1", port), 0.2)
        if made is None:
            break
        held.append(made)
        attempt("", made.sendall, b"GET /simple/ HTTP/1.1\r\n")
    print(f"held {len(held)} connections")
tried()
