#!/usr/bin/env python3
"""Calls a server of ours over WebSocket, as a stranger: `ws_client.py URL [CHECK…]`.

The server offers what `interop-tests/tests/quic_lab/mod.rs` says. Each check has a connection of its own and says one
line; one that begins with FAILED has the reason, and then the exit code is 1.
"""

import asyncio
import inspect
import sys
import traceback

import values
import ws
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from ws import SUBPROTOCOL, Connection, expect, value, within

HELLO, COUNT, SUM, TIMES, NOTE, SEEN, HANG, FAIL = range(8)
BYTES, CALL_BACK = 12, 13


async def the_example_of_14_1(c):
    call = c.open().write(bytes.fromhex("0001 1003416461"), fin=True)
    await call.whole()
    expect("bytes", call.data.hex(), "300b48656c6c6f2c2041646121")


async def every_codec(c):
    for codec in ("bincode", "postcard", "messagepack", "json"):
        greeting = await c.call(HELLO, "(String,)", ["hé"], codec).answer("String", codec)
        expect(codec, greeting, "Hello, hé!")


async def a_sequence(c):
    parts = await c.call(COUNT, "(u64,)", [300]).whole()
    expect("numbers", [values.decode("bincode", "u64", ws.joined(part)) for part in parts[:-1]], list(range(300)))


async def an_upload(c):
    call = c.call(SUM, fin=False)
    for number in range(100):
        call.write(value("u64", number))
        await asyncio.sleep(0)
    expect("sum", await call.finish().answer("u64"), 4950)


async def both_ways_at_once(c):
    call = c.call(TIMES, "(u64,)", [3], fin=False)
    for number in range(20):
        call.write(value("u64", number))
        # Each answer before the next question.
        answered = lambda: len(call.parts("response")) > number
        await call.until("an answer", answered)
        expect("answer", values.decode("bincode", "u64", ws.joined(call.parts("response")[-1])), 3 * number)
    expect("parts", len(await call.finish().whole()), 21)


async def calls_by_the_hundred_share_messages(c):
    async def greeted(n):
        await c.place()
        expect("answer", await c.call(HELLO, "(String,)", [str(n)]).answer("String"), f"Hello, {n}!")

    await asyncio.gather(*map(greeted, range(1000)))


async def bulk_each_way_in_records_that_are_full(c):
    sent = bytes(range(256)) * (3 << 12)
    call = c.call(BYTES, "(Bytes,)", [sent])
    expect("bytes", bytes(await call.answer("Bytes")) == sent, True)
    expect("full records", 60_000 < c.largest <= ws.RECORD, True)


async def a_call_that_is_given_up_is_cancelled(c):
    call = c.call(HANG, "(String,)", ["given up"], fin=False)
    await asyncio.sleep(0.05)
    call.reset(1)
    call.stop(1)

    async def wait():
        while "given up Caller" not in await c.call(SEEN).answer("Vec<String>"):
            await asyncio.sleep(0.02)

    await within("the handler's end", wait())


async def a_status_is_told(c):
    match await c.call(FAIL).whole():
        case [{"status": status}, "end"]:
            expect("status", (status["code"], status["message"]), ("NOT_FOUND", "nothing of that name — é"))
        case other:
            raise AssertionError(other)


async def the_server_calls_back(c):
    async def serve(call):
        await call.whole("request")
        [name] = values.decode("bincode", "(String,)", ws.joined(call.parts("request")[0]))
        call.write(value("String", f"Goodbye, {name}!"), fin=True)

    c.serving = serve
    expect("answer", await c.call(CALL_BACK, "(String,)", ["Ada"]).answer("String"), "Goodbye, Ada!")


async def pings_of_websocket_are_answered(c):
    for _ in range(20):
        await within("a pong", await c.ws.ping())
    expect("answer", await c.call(HELLO, "(String,)", ["still"]).answer("String"), "Hello, still!")


async def a_close_is_answered(c):
    await within("the server's close", c.close())
    expect("code", c.ws.close_code, 1000)


async def text_closes_with_1003(c):
    await c.ws.send("text")
    await within("the end", asyncio.wait(c.running[:1]))
    expect("code", c.ws.close_code, 1003)
    expect("both say it", "a text message of 4 bytes" in c.closed, True)


async def fragments_make_one_record(c):
    frame = {"type": "STREAM", "stream_id": 0, "offset": 0, "fin": True, "data": "00011003416461"}
    c.open()
    record = ws.qmux.write_frame(frame)
    await c.ws.send([record[:1], record[1:2], record[2:]])
    expect("answer", await c.streams[0].answer("String"), "Hello, Ada!")


async def without_the_subprotocol_nobody_gets_in(url):
    for offered in (None, ["qmux-02"], ["ipfi-1", "graphql-ws"]):
        try:
            async with connect(url, subprotocols=offered):
                raise AssertionError(f"let in with {offered}")
        except InvalidStatus as error:
            expect("status", error.response.status_code, 400)
            expect("reason", SUBPROTOCOL.encode() in error.response.body, True)


async def pages_of_other_origins_do_not_get_in(url):
    try:
        async with connect(url, subprotocols=[SUBPROTOCOL], origin="https://evil.example"):
            raise AssertionError("let in")
    except InvalidStatus as error:
        expect("status", error.response.status_code, 403)
        expect("reason", b"allowed: same origin" in error.response.body, True)


async def a_message_above_the_limit_closes_with_1009(url):
    async with connect(url, subprotocols=[SUBPROTOCOL]) as socket:
        await socket.send(bytes(70_000))
        try:
            async with asyncio.timeout(ws.BOUND):
                while True:
                    await socket.recv()
        except ConnectionClosed:
            expect("code", socket.close_code, 1009)


async def run(check, url):
    if [*inspect.signature(check).parameters] == ["url"]:
        return await within(check.__name__, check(url), 3 * ws.BOUND)
    async with connect(url, subprotocols=[SUBPROTOCOL], max_size=ws.RECORD, compression=None) as socket:
        expect("subprotocol", socket.subprotocol, SUBPROTOCOL)
        connection = await Connection(socket, True).established()
        await within(check.__name__, check(connection), 3 * ws.BOUND)


def is_check(f):
    names = [*inspect.signature(f).parameters] if inspect.iscoroutinefunction(f) else []
    return f.__module__ == __name__ and names in (["c"], ["url"])


def main(url, *only):
    checks = [f for f in list(globals().values()) if inspect.isfunction(f) and is_check(f)]
    checks, failed = [check for check in checks if not only or check.__name__ in only], 0
    for check in checks:
        try:
            asyncio.run(run(check, url))
            print(f"ok {check.__name__}", flush=True)
        except Exception as error:
            failed += 1
            traceback.print_exc()
            print(f"FAILED {check.__name__}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    return failed > 0 or not checks


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
