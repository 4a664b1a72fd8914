"""Checks of connections over QUIC, sections 2, 8, 12.5 and 13, and of the shared stream of 3.6."""

import asyncio
import json
import pathlib

import ipfi_1
import quic
import shared
from ipfi_1 import integer, sized
from quic import header, message, value, within
from quic_lab import BYTES, CALL_BACK, CLOSE, HANG, HELLO, NOTE, RAW, SEEN, SHUTDOWN, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]


def vectors(file):
    return json.loads((ROOT / "docs" / "vectors" / file).read_text(encoding="utf-8"))["vectors"]


async def unknown_streams_and_messages_are_no_error(c):
    unknown = c.open(True, b"\x05what is this")
    expect("2.8", await unknown.stop_code(), "REFUSED")
    c.open(True, b"").finish()
    c.mine.write(integer(1000) + sized(b"unknown"))
    expect("call", await c.request(HELLO, "(String,)", ["still"]).answer("String"), "Hello, still!")


async def goaway_and_refused(c):
    running = c.request(HANG, "(String,)", ["cut"])
    await asyncio.sleep(0.05)
    # A grace that is not over before what follows, on a busy machine either.
    await c.request(SHUTDOWN, "(u64,)", [2000]).answer("()")
    await c.heard(lambda part: part == "goaway")
    late = c.request(HELLO, "(String,)", ["late"], fin=False)
    notification = c.open(True, integer(1) + header(NOTE))
    expect("response", await late.ended(), "REFUSED")
    expect("request", await late.stop_code(), "REFUSED")
    expect("2.6", await notification.stop_code(), "REFUSED")
    try:
        end = await running.ended()
    except AssertionError:
        # The connection's close, which is judged below, may overtake it.
        end = "SHUTDOWN"
    if end == "FIN":
        end = (await running.failure())["code"]
    expect("5.13", end in ("UNAVAILABLE", "SHUTDOWN"), True)
    expect("close", (await c.close_seen())[0], "SHUTDOWN")


async def goaway_of_ours_is_respected(c):
    c.mine.write(b"\x01\x00")
    await asyncio.sleep(0.1)
    failure = await c.request(CALL_BACK, "(String,)", ["Ada"]).failure()
    expect("2.6", failure["code"], "UNAVAILABLE")


async def close_of_the_application(c):
    c.request(CLOSE, "(u64, String)", [7, "because — é"])
    expect("close", await c.close_seen(), ("0x7", "because — é"))


async def close_of_ours_ends_the_calls(c):
    c.request(HANG, "(String,)", ["closed"])
    await asyncio.sleep(0.05)
    c.close_with("RESOURCE_EXHAUSTED", "enough")


async def second_control_stream_closes_with_protocol(c):
    c.hello()
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def end_of_the_control_stream_closes_with_protocol(c):
    c.mine.finish()
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def reset_of_the_control_stream_closes_with_protocol(c, silent=True):
    control = c.hello(max_message_bytes=1000)
    # Before its type was read it would be a stream that was never there (2.8).
    while "message" in (await c.request(BYTES, "(Bytes,)", [bytes(2000)]).whole())[0]:
        await asyncio.sleep(0.02)
    control.reset("NO_ERROR")
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def settings_twice_closes_with_protocol(c):
    c.mine.write(b"\x00\x00")
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def another_version_closes_with_version(c, silent=True):
    c.open(True, b"\x00ipfi\x02")
    wanted = ("VERSION", "version mismatch: this side speaks ipfi-1, the peer ipfi-2")
    expect("close", await c.close_seen(), wanted)


async def something_else_closes_with_version(c, silent=True):
    c.open(True, b"\x00ipfj")
    expect("close", (await c.close_seen())[0], "VERSION")


async def calls_before_the_control_stream_are_taken(c, silent=True):
    # 2.9
    call = c.request(HELLO, "(String,)", ["early"])
    expect("answer", await call.answer("String"), "Hello, early!")
    c.hello()
    expect("answer", await c.request(HELLO, "(String,)", ["late"]).answer("String"), "Hello, late!")


async def control_stream_byte_by_byte(c, silent=True):
    control = c.open(True)
    for byte in ipfi_1.write_control([{"settings": ipfi_1.DEFAULTS | {"max_message_bytes": 1000}}]):
        control.write(bytes([byte]))
        await asyncio.sleep(0.005)
    # Only the settings say that a server may send no more than this.
    failure = await c.request(BYTES, "(Bytes,)", [bytes(2000)]).failure()
    expect("4.8", (failure["code"], failure["limit"]["limit"]), ("RESOURCE_EXHAUSTED", 1000))


async def broken_control_streams_close_as_the_vectors_say(c):
    for vector in vectors("control.json"):
        if "close" in vector and "limits" not in vector:
            async with quic.connect(*c.where) as other:
                control = other.open(True, bytes.fromhex(vector["hex"]))
                if vector.get("fin"):
                    control.finish()
                expect(vector["name"], (await other.close_seen())[0], vector["close"])


async def broken_requests_are_answered_as_the_vectors_say(c):
    for vector in vectors("header.json") + vectors("items.json"):
        if "status" not in vector or "limits" in vector or vector.get("direction") == "response":
            continue
        of_items = "direction" in vector
        call = c.open(data=(header(RAW, "raw") if of_items else b"") + bytes.fromhex(vector["hex"]))
        if vector.get("fin", not of_items):
            call.finish()
        failure = await call.failure()
        expect(f"{vector['name']}: {failure['message']!r}", failure["code"], vector["status"])


async def too_many_unknown_messages_close(c):
    # 2.7, 13.4
    c.mine.write((integer(1000) + sized(b"")) * 1100)
    expect("close", (await c.close_seen())[0], "RESOURCE_EXHAUSTED")


async def a_flood_of_cancelled_calls_is_cut(c):
    # 13.5
    async def flood():
        while not c.closed.done():
            calls = [c.request(HANG, "(String,)", ["flood"]) for _ in range(100)]
            for call in calls:
                call.stop("CANCELLED")
            # Its resets are waited for: what it has no place for would only wait here.
            ends = [asyncio.ensure_future(call.ended()) for call in calls]
            every = asyncio.ensure_future(asyncio.wait(ends))
            await asyncio.wait([every, c.closed], return_when=asyncio.FIRST_COMPLETED)
            for task in (every, *ends):
                task.cancel()

    await within("the cut", flood(), 2 * quic.BOUND)
    expect("close", (await c.close_seen())[0], "RESOURCE_EXHAUSTED")


# The shared stream: 3.6


async def shared_stream(c):
    await c.settings()
    session = await shared.Caller.open(c)
    for name in ("Ada", "Grace"):
        request = header(HELLO) + value("(String,)", [name])
        expect("answer", await session.call(request), value("String", f"Hello, {name}!"))
    expect("beside it", await c.request(HELLO, "(String,)", ["own"]).answer("String"), "Hello, own!")
    answer = await session.call(header(999) + message(b""))
    parts = []
    ipfi_1.read_items(answer, "response", True, ipfi_1.LIMITS, parts)
    expect("status", parts[0]["status"]["code"], "UNIMPLEMENTED")


async def a_second_shared_stream_is_unimplemented(c):
    await shared.Caller.open(c)
    second = c.open(data=header(shared.PROCEDURE, "raw"))
    expect("code", (await second.failure())["code"], "UNIMPLEMENTED")


async def the_shared_stream_is_opened_once(c):
    await c.settings()
    session = await shared.Caller.open(c)
    request = header(HELLO) + value("(String,)", ["Ada"])
    expect("answer", await session.call(request), value("String", "Hello, Ada!"))
    await session.close()
    second = c.open(data=header(shared.PROCEDURE, "raw"))
    expect("code", (await second.failure())["code"], "UNIMPLEMENTED")


async def a_breach_inside_the_shared_stream_closes_with_protocol(c):
    # 12.5.
    await c.settings()
    session = await shared.Caller.open(c)
    # A frame of an unknown type.
    session.stream.write(b"\x02\x3f\x3f")
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def a_reset_of_the_shared_stream_closes_with_protocol(c):
    # 12.5.
    await c.settings()
    session = await shared.Caller.open(c)
    session.stream.reset("CANCELLED")
    expect("close", (await c.close_seen())[0], "PROTOCOL")


async def another_application_protocol_is_refused(c):
    try:
        async with quic.connect(*c.where, alpn_protocols=["qmux-02.ipfi-1", "h3"]):
            raise AssertionError("a handshake without a common protocol")
    except ConnectionError:
        pass


async def early_calls(c):
    # 12.5
    port, certificate = c.where
    ticket = await within("a ticket", c.ticket())

    def early(other):
        other.mine = other.hello()
        other.idempotent = other.request(HELLO, "(String,)", ["early"])
        other.other = other.request(SEEN)

    async with quic.connect(port, certificate, early=early, session_ticket=ticket) as other:
        expect("0-RTT", other.early_accepted, True)
        expect("idempotent", await other.idempotent.answer("String"), "Hello, early!")
        failure = await other.other.failure()
        expect("another", (failure["code"], "0-RTT" in failure["message"]), ("FAILED_PRECONDITION", True))
        await other.request(SEEN).answer("Vec<String>")
