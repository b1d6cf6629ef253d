# SPDX-License-Identifier: Apache-2.0
"""Starts a world of sidecar doubles: `/usr/bin/python3 tests/support/sidecar CONFIG.json`."""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True

from control import Control  # noqa: E402
from world import World  # noqa: E402


async def run(config_path: Path) -> None:
    config = json.loads(config_path.read_text())
    world = World(config, config_path.parent)
    control = Control(world)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=watch_stdin, args=(loop, stop), daemon=True).start()
    await control.server.listen()
    await world.start()
    print(json.dumps({
        "apps": {name: {"http_port": one.server.port, **({"socket": one.socket_path} if one.socket_path else {})}
                 for name, one in world.sidecars.items()},
        "control_port": control.server.port}), flush=True)
    await stop.wait()
    world.stop()


def watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Ends the process when stdin closes, so that a test that dies leaves nothing behind."""
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        pass


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: sidecar CONFIG.json", file=sys.stderr)
        return 2
    try:
        asyncio.run(run(Path(sys.argv[1])))
    except (OSError, ValueError, KeyError) as bad:
        print(f"sidecar: {bad}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
