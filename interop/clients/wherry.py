# SPDX-License-Identifier: BSD-2-Clause
from hashlib import sha256
from socket import MSG_WAITALL, create_connection
from struct import pack, unpack, unpack_from
from sys import argv, exit
from urllib.parse import unquote_to_bytes, urlsplit


def ask(kind, payload, last=0x87, request=1):  # returns what answers it, up to that type of frame
    link.sendall(pack(">IBBHI", len(payload), kind, 0, 0, request) + payload)
    answers, got = [], None
    while got != last:
        size, got, _, status, owner = unpack(">IBBHI", link.recv(12, MSG_WAITALL).ljust(12, b"~"))
        payload = link.recv(min(size, 2**24), MSG_WAITALL)
        len(payload) == size or exit("wherry.py: the connection broke")
        got != 0x87 or status == 0 or exit(f"wherry.py: status {status}: {payload[2:]!r}")
        answers += [payload] if owner == request else []  # id 0 is the connection itself
    return answers


url = urlsplit(argv[3 if argv[1] == "put" else 2])
name = pack(">H", len(path := unquote_to_bytes(url.path[1:]))) + path
link = create_connection((url.hostname, url.port or 7069))
ask(1, b"WHRY\1\1", last=0x81, request=0)
if argv[1] == "list":  # wherry.py list URL
    entries = b"".join(ask(2, name + b"\0\0")[:-1])
    while entries:
        kind, size, _, end = unpack_from(">BQQH", entries)
        print(" -d"[kind], size, entries[19:19 + end])
        entries = entries[19 + end:]
elif argv[1] == "get":  # wherry.py get URL [FILE]
    data = b"".join(ask(4, pack(">QQ", 0, 2**64 - 1) + name)[1:-1])
    sha256(data).digest() == ask(10, name)[0][16:48] or exit("wherry.py: the SHA-256 differs")
    open((argv + [path.split(b"/")[-1]])[3], "wb").write(data)
elif argv[1] == "put":  # wherry.py put FILE URL
    data = open(argv[2], "rb").read()
    ask(5, pack(">QB", len(data), 2) + name, last=0x85)
    for at in range(0, len(data), 65536):
        ask(6, data[at:at + 65536], last=None)
    ask(7, b"\1\0\x20" + sha256(data).digest())
