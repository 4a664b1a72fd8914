#!/usr/bin/env python3
"""Serves a client of ours over WebSocket, as a stranger: `ws_server.py`. Says its port; ends with its standard input.

What it offers: `Hello, …!` under 0, numbers under 1, their sum under 2, bytes back under 3, nothing for ever under 4, a
call back of the client's 9 under 5, and under 6 a close with code 6.
"""

import asyncio
import sys

import values
import ws
from websockets.asyncio.server import serve
from ws import SUBPROTOCOL, Connection, value


def say(what):
    print(what, flush=True)


async def answer(call):
    await call.until("a header and arguments", lambda: call.data and len(call.parts("request")) > 0)
    first = call.parts("request")[0]
    codec = ws.CODEC[call.header["codec"]]
    read = lambda kind: values.decode(codec, kind, ws.joined(first))
    match call.header["procedure"]:
        case 0:
            call.write(value("String", f"Hello, {read('(String,)')[0]}!", codec), fin=True)
        case 1:
            for n in range(read("(u64,)")[0]):
                call.write(value("u64", n, codec))
            call.finish()
        case 2:
            parts = (await call.whole("request"))[1:-1]
            numbers = [values.decode(codec, "u64", ws.joined(part)) for part in parts]
            call.write(value("u64", sum(numbers), codec), fin=True)
        case 3:
            await call.whole("request")
            [data] = values.decode(codec, "(Bytes,)", ws.joined(call.parts("request")[0]))
            call.write(value("Bytes", data, codec), fin=True)
        case 4:
            await call.until("being given up", lambda: call.stopped is not None)
            say(f"stopped {call.stopped}")
        case 5:
            back = await call.connection.call(9, "(String,)", ["stranger"]).answer("String")
            call.write(value("String", back, codec), fin=True)
        case 6:
            await call.connection.close(6, "as asked")


async def connected(socket):
    connection = Connection(socket, False, answer)
    try:
        await connection.established()
        await connection.running[0]
    finally:
        say(f"closed {connection.closed}")


async def main():
    async with serve(connected, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], max_size=ws.RECORD) as server:
        say(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
