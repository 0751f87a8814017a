"""Run `ntqa` and write which hosts it looked up or connected to, and what it imported: traced.py REPORT COMMAND ..."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

hosts: list[str] = []


def hook(event: str, arguments: tuple) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        hosts.append(str(arguments[0]))
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        hosts.append(str(address[0]) if isinstance(address, tuple) else "")


sys.addaudithook(hook)
socket.getaddrinfo("localhost", 80)  # so that an empty list means a hook that does not work
signal.signal(signal.SIGINT, signal.default_int_handler)

from ntqa.cli import main  # noqa: E402

report, *command = sys.argv[1:]
try:
    code = main(command)
finally:
    Path(report).write_text(json.dumps({"hosts": hosts, "modules": sorted(sys.modules)}))
sys.exit(0 if code in (0, 130) else code)
