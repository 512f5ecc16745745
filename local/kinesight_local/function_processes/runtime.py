"""The runtime's process as its emulator sees it: `python -I -S runtime.py SOCKET HANDLER`.

It has the fork server start the runtime with this process's environment and output, and ends when that ends. Imports
little, because it starts with every execution environment.
"""

import json
import os
import socket
import sys
import time

_SOCKET, _ARGUMENTS = sys.argv[1], sys.argv[2:]

_deadline_s = time.monotonic() + 10
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as _server:
    while True:
        try:
            _server.connect(_SOCKET)
            break
        except (FileNotFoundError, ConnectionRefusedError):  # the fork server is still starting
            if time.monotonic() > _deadline_s:
                raise
            time.sleep(0.01)
    _request = {
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes longer to import than all else
        "environment": dict(os.environ),
        "path": os.environ["PYTHONPATH"].split(os.pathsep),
        "arguments": _ARGUMENTS,
    }
    socket.send_fds(_server, [json.dumps(_request).encode()], [1, 2])
    _server.recv(1)
sys.exit(1)
