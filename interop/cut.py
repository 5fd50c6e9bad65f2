#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cut.py PORT BYTES: a line that breaks. Prints a free port of 127.0.0.1 and passes connections
there on to PORT: it hangs up the first once BYTES came from PORT, and lets the second be."""
import select
import socket
import sys


def carry(client, server, left):
    """Until left bytes came from the server, or an end hangs up."""
    while left > 0:
        ends = select.select([client, server], [], [], 20)[0] or sys.exit("cut.py: nothing comes")
        for end in ends:
            piece = end.recv(min(65536, left) if end is server else 65536)
            if not piece:
                return
            (client if end is server else server).sendall(piece)
            left -= len(piece) if end is server else 0


door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
for limit in (int(sys.argv[2]), 1 << 62):
    with door.accept()[0] as near, socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as far:
        carry(near, far, limit)
