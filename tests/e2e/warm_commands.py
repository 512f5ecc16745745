"""Runs commands in forks of a process that has imported them: importing takes a second of processor time each time.

`python warm_commands.py SOCKET MODULE FUNCTION [MODULE…]` serves; `client_script` is a program that runs there, with
its own arguments, folder, environment and files. A client is Python without its site, which starts in 20 ms.
"""

import importlib
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

_CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = {{"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
    socket.send_fds(server, [b"-"], [0, 1, 2])
    server.sendall(json.dumps(call).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16) or b"70"))
"""


def client_script(address: Path) -> str:
    return _CLIENT.format(python=sys.executable, address=str(address))


def serve(address: str, function: Any, variables: dict[str, str]) -> None:
    """`variables` are those that the imported modules have set."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{address}.new")
        server.listen()
        Path(f"{address}.new").rename(address)  # a socket of this name accepts connections
        while True:
            call, _ = server.accept()
            with call:
                if os.fork() == 0:
                    server.close()
                    _run(call, function, variables)


def _run(call: socket.socket, function: Any, variables: dict[str, str]) -> None:
    """Ends this process, with the exit status of the command."""
    status = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, files, _, _ = socket.recv_fds(call, 1, 3)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        received = json.loads(b"".join(iter(lambda: call.recv(65536), b"")))
        os.chdir(received["folder"])
        os.environ.clear()
        os.environ.update(received["environment"] | variables)
        sys.argv = received["arguments"]
        status = _status(function)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        call.sendall(str(status).encode())
        os._exit(status)


def _status(function: Any) -> int:
    try:
        return int(function() or 0)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception:  # noqa: BLE001  # whatever a command raises is its failure
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    address, module, name, *others = sys.argv[1:]
    before = dict(os.environ)
    for other in (module, *others):
        importlib.import_module(other)
    added = {key: value for key, value in os.environ.items() if key not in before}
    serve(address, getattr(sys.modules[module], name), added)
