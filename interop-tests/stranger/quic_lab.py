"""What the checks over QUIC share: the procedures of `interop-tests/tests/quic_lab/mod.rs`, and how a check fails."""

import asyncio

from quic import within

HELLO, COUNT, SUM, TIMES, NOTE, SEEN, HANG, FAIL, PANIC, METADATA = range(10)
REMAINING, RAW, BYTES, CALL_BACK, WAIT, HALFWAY, ONLY_STREAM, SHUTDOWN, CLOSE, FIRST = range(10, 20)


def expect(what, seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")


async def seen(c, wanted):
    """Waits until the server's handlers have said `wanted`."""

    async def wait():
        while wanted not in (all := await c.request(SEEN).answer("Vec<String>")):
            told.append(all)
            await asyncio.sleep(0.02)

    told = [None]
    try:
        await within(f"the server's handler says {wanted!r}", wait())
    except AssertionError as error:
        raise AssertionError(f"{error}; it said {told[-1]}") from None
