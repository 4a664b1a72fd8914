#!/usr/bin/env python3
"""Calls a server of ours over QUIC, as a stranger: `quic_client.py PORT CERTIFICATE [CHECK…]`.

The server offers what `interop-tests/tests/quic_lab/mod.rs` says. Each check has a connection of its own and says one
line; one that begins with FAILED has the reason, and then the exit code is 1.
"""

import asyncio
import inspect
import sys
import traceback

import quic
import quic_calls
import quic_connections
from quic import within


def is_check(f):
    """Has a connection for its first parameter, and nothing but options after it."""
    names = [*inspect.signature(f).parameters] if inspect.iscoroutinefunction(f) else []
    return names[:1] == ["c"] and {*names[1:]} <= {"silent", "settings"}


CHECKS = [f for module in (quic_calls, quic_connections) for f in vars(module).values() if is_check(f)]
# What is known to fail, and why. A check of these that holds fails: it is to be taken out.
KNOWN = {}


async def run(check, port, certificate):
    options = inspect.signature(check).parameters
    settings = options["settings"].default if "settings" in options else {}
    async with quic.connect(port, certificate, **settings) as c:
        c.where = port, certificate
        if "silent" not in options:
            c.mine = c.hello()
        await within(check.__name__, check(c), 3 * quic.BOUND)


def main(port, certificate, *only):
    failed, checks = 0, [check for check in CHECKS if not only or check.__name__ in only]
    for check in checks:
        name = check.__name__
        try:
            asyncio.run(run(check, int(port), certificate))
            line = f"FAILED {name}: holds, though it is among KNOWN" if name in KNOWN else f"ok {name}"
        except Exception as error:
            line = f"known {name}: {error}" if name in KNOWN else f"FAILED {name}: {type(error).__name__}: {error}"
            if name not in KNOWN:
                traceback.print_exc()
        failed += line.startswith("FAILED")
        print(line, flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    return failed > 0 or not checks


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
