#!/usr/bin/env python3
"""Serves a client of ours over QUIC, as a stranger: `quic_server.py CERTIFICATE KEY [CONTROL]`.

Says its port, then one line for what it sees of calls, and of connections that have ended: `tests/aioquic/client.rs`
calls it and judges that. Ends with its standard input. CONTROL is its control stream in hex, in place of a good one.
"""

import asyncio
import sys

import ipfi_1
import quic
import shared
import values
from ipfi_1 import LIMITS, integer
from quic import header, message, status, value

HELLO, COUNT, SUM, TIMES, NOTE, CALL, HANG, FAIL, RESET, METADATA = range(10)
HEADER, RAW, BYTES, FIRST, MALFORMED, GOAWAY, CLOSE, REFUSE, DATAGRAM = range(10, 19)


def say(what):
    print(what, flush=True)


def codec(call):
    return quic.CODEC[call.header["codec"]]


async def arguments(call, kind):
    """The value of message 0, as soon as it is there."""
    [first] = await call.messages(1, "request")
    return values.decode(codec(call), *quic.none(kind, first))


def answer(call, kind, result):
    call.write(value(kind, result, codec(call))).finish()


async def hello(call):
    [name] = await arguments(call, "(String,)")
    answer(call, "String", f"Hello, {name}!")


async def count(call):
    [to] = await arguments(call, "(u64,)")
    for n in range(to):
        call.write(value("u64", n))
        await asyncio.sleep(0)
    call.finish()


async def total(call):
    parts = await call.whole("request")
    numbers = [values.decode("bincode", "u64", quic.joined(part)) for part in parts[1:-1]]
    answer(call, "u64", sum(numbers))


async def times(call):
    [by] = await arguments(call, "(u64,)")
    done = 0
    while True:
        await call.until("an item, or the end", lambda: moved(call, done))
        parts = call.parts("request")
        items = [part for part in parts if "message" in part][1:]
        for part in items[done:]:
            call.write(value("u64", by * values.decode("bincode", "u64", quic.joined(part))))
        done = len(items)
        if call.end:
            return call.finish()


def moved(call, done):
    items = [part for part in call.parts("request") if "message" in part][1:]
    return call.end or len(items) > done or None


async def hang(call):
    """Nothing, until the caller gives it up; then what that looked like."""
    [name] = await arguments(call, "(String,)")
    say(f"{name} hangs")
    code = await call.stop_code()
    say(f"{name} stopped {code}, request {call.end}")


async def fail(call):
    await arguments(call, "()")
    limit = {"name": "max_things", "limit": 3, "seen": 4}
    call.write(status("NOT_FOUND", "nothing of that name — é", b"\x00\xffdetails", limit)).finish()


async def reset(call):
    [code] = await arguments(call, "(String,)")
    call.reset(code)


async def metadata(call):
    await arguments(call, "()")
    sent = ipfi_1.write_items([{"metadata": call.header["metadata"]}])
    call.write(sent + value("u64", len(call.header["metadata"]))).finish()


async def header_of(call):
    await arguments(call, "()")
    h = call.header
    answer(call, "String", f"codec {h['codec']}, timeout {h['timeout_ms']}, priority {h['priority']}")


async def raw(call):
    """Each byte of message 0 in a fragment of its own, then an empty message."""
    [first] = await call.messages(1, "request")
    call.write(message(*[bytes([byte]) for byte in first], b"") + message(b"")).finish()


async def bulk(call):
    """The same bytes; the response's first ones in pieces of one byte."""
    [data] = await arguments(call, "(Bytes,)")
    response = value("Bytes", data)
    for n in range(20):
        call.write(response[n : n + 1])
        await asyncio.sleep(0.001)
    call.write(response[20:]).finish()


async def call_back(call):
    [name] = await arguments(call, "(String,)")
    answer(call, "String", await call.connection.request(HELLO, "(String,)", [name]).answer("String"))


async def first(call):
    """Answers before its request has ended."""
    await call.messages(2, "request")
    call.write(value("u64", 7)).finish()
    call.stop("NO_ERROR")
    say(f"first: request ended {await call.ended()}")


async def malformed(call):
    """A response that breaks the rule of this name."""
    [rule] = await arguments(call, "(String,)")
    response = {
        "fragment-empty": b"\x01",
        "metadata-not-first": message(b"\x00") + b"\x03",
        "after-status": status("ABORTED", "x") + message(b"\x00"),
        "status-malformed": b"\x0a\x00\x00",
        "end-inside-item": b"\x10a",
        "end-inside-message": b"\x05a",
        "message-too-large": integer((5 << 20) << 2),
        "status-too-large": integer(20000 << 2 | 2),
        "no answer": b"",
        "two answers": message(b"\x00") + message(b"\x00"),
    }[rule]
    call.write(response)
    if not rule.endswith("-too-large"):
        return call.finish()
    say(f"{rule}: stopped {await call.stop_code()}")


async def goaway(call):
    await arguments(call, "()")
    call.connection.mine.write(b"\x01\x00")
    answer(call, "()", None)


async def close(call):
    code, reason = await arguments(call, "(String, String)")
    call.connection.close_with(code, reason)


async def refuse(call):
    """5.8"""
    call.reset("REFUSED")
    call.stop("REFUSED")


async def datagram(call):
    await arguments(call, "()")
    call.connection.datagram(header(NOTE) + values.encode("bincode", "(String,)", ["a datagram of the stranger"]))
    answer(call, "()", None)


async def share(call):
    """3.6, where CONTROL offers it."""

    def response(head, first):
        if head["procedure"] == HELLO:
            [name] = values.decode("bincode", "(String,)", first)
            return value("String", f"Hello, {name}!")
        return None if head["procedure"] == HANG else status("UNIMPLEMENTED", "not on the shared stream")

    await shared.Callee(call, response, say).run()


CALLS = {
    HELLO: hello, COUNT: count, SUM: total, TIMES: times, CALL: call_back, HANG: hang, FAIL: fail, RESET: reset,
    METADATA: metadata, HEADER: header_of, RAW: raw, BYTES: bulk, FIRST: first, MALFORMED: malformed,
    GOAWAY: goaway, CLOSE: close, REFUSE: refuse, DATAGRAM: datagram,
    shared.PROCEDURE: share,
}  # fmt: skip


async def serving(stream):
    if stream.number & 2:
        return await notified(stream)
    try:
        procedure = await stream.until("a header", lambda: begun(stream))
        if procedure not in CALLS:
            return stream.write(status("UNIMPLEMENTED", f"there is no procedure {procedure}")).finish()
        await CALLS[procedure](stream)
    except Exception as error:
        say(f"FAILED call on stream {stream.number}: {type(error).__name__}: {error}")


def begun(stream):
    try:
        return ipfi_1.read_header(ipfi_1.Reader(bytes(stream.data)), LIMITS)["procedure"]
    except ipfi_1.Short:
        return stream.end and "nothing"


def note(data, first):
    """A notification; `first` gives its message 0 of what follows the header."""
    reader = ipfi_1.Reader(data)
    head = ipfi_1.read_header(reader, LIMITS)
    [text] = values.decode(quic.CODEC[head["codec"]], "(String,)", first(data[reader.at :]))
    say(f"note {head['procedure']} {text}")


def message_0(items):
    parts = []
    ipfi_1.read_items(items, "request", True, LIMITS, parts)
    return quic.joined(parts[0])


async def notified(stream):
    if await stream.ended() == "FIN":
        # After its type, which is one byte where ours sends it.
        note(bytes(stream.data)[1:], message_0)


class Connection(quic.Connection):
    bad = b""

    def __init__(self, quic_connection, stream_handler=None):
        super().__init__(quic_connection, stream_handler, serving=serving)
        self.start(self.life())

    async def life(self):
        await self.wait_connected()
        self.mine = self.open(True, self.bad) if self.bad else self.hello()
        self.start(self.hear_datagrams())
        code, reason = await asyncio.shield(self.closed)
        say(f"closed {code} {reason}".rstrip())
        for task in self.tasks - {asyncio.current_task()}:
            task.cancel()

    async def hear_datagrams(self):
        while True:
            note(await self.datagrams.get(), bytes)


async def main(certificate, key, control=""):
    Connection.bad = bytes.fromhex(control)
    say(await quic.listen(certificate, key, Connection))
    # Until the test ends this process; a test that is gone must not leave it behind.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
