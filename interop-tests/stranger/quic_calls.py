"""Checks of calls over QUIC, sections 3 to 6: what our server answers, and how calls end."""

import asyncio

import ipfi_1
import quic
import values
from ipfi_1 import integer, sized
from quic import header, message, status, value
from quic_lab import (
    BYTES, CALL_BACK, COUNT, FAIL, FIRST, HALFWAY, HANG, HELLO, METADATA, NOTE, ONLY_STREAM, PANIC, RAW,
    REMAINING, SEEN, SHUTDOWN, SUM, TIMES, WAIT, expect, seen
)  # fmt: skip


async def unary_is_the_example_of_14_1(c):
    call = c.open(data=bytes.fromhex("0001 1003416461")).finish()
    expect("end", await call.ended(), "FIN")
    expect("bytes", call.data.hex(), "300b48656c6c6f2c2041646121")


async def settings_are_the_defaults_and_the_shared_stream_is_offered(c):
    expect("settings", await c.settings(), ipfi_1.DEFAULTS | {"shared_calls": True})


async def every_codec(c):
    for codec in ("bincode", "postcard", "messagepack", "json"):
        greeting = await c.request(HELLO, "(String,)", ["hé"], codec=codec).answer("String", codec)
        expect(codec, greeting, "Hello, hé!")


async def sequence(c):
    parts = await c.request(COUNT, "(u64,)", [300]).whole()
    numbers = [values.decode("bincode", "u64", quic.joined(part)) for part in parts[:-1]]
    expect("numbers", numbers, list(range(300)))


async def upload(c):
    call = c.request(SUM, fin=False)
    for number in range(100):
        call.write(value("u64", number))
        if number % 10 == 0:
            await asyncio.sleep(0)
    expect("sum", await call.finish().answer("u64"), 4950)


async def duplex(c):
    call = c.request(TIMES, "(u64,)", [3], fin=False)
    for number in range(20):
        call.write(value("u64", number))
        # Each answer before the next question.
        answers = await call.messages(number + 1)
        expect("answer", values.decode("bincode", "u64", answers[-1]), 3 * number)
    parts = await call.finish().whole()
    expect("messages", len(parts), 21)


async def answer_before_the_end_of_the_request_stops_it(c):
    call = c.request(FIRST, fin=False).write(value("u64", 7))
    expect("answer", await call.answer("u64"), 7)
    expect("5.3", await call.stop_code(), "NO_ERROR")


async def notification(c):
    c.notify(NOTE, "(String,)", ["by stream"])
    await seen(c, "note by stream")
    unknown = c.open(True, integer(1) + header(999) + value("(u8,)", [1])).finish()
    await unknown.connection.request(HELLO, "(String,)", ["still"]).answer("String")


async def datagram(c):
    c.datagram(header(NOTE) + values.encode("bincode", "(String,)", ["by datagram"]))
    await seen(c, "note by datagram")


async def datagram_of_what_is_not_declared_is_dropped(c):
    # One that cannot be read, no procedure, not declared, no notification.
    for data in (b"\x40", header(999), header(ONLY_STREAM) + b"\x01x", header(HELLO) + b"\x01x"):
        c.datagram(data)
    expect("call", await c.request(HELLO, "(String,)", ["still"]).answer("String"), "Hello, still!")


async def broken_notifications_are_stopped(c):
    # 13.1
    for what, data, code in (
        ("reserved flag", bytes([NOTE, 0x81]), "CANCELLED"),
        ("priority", bytes([NOTE, 0x41]) + integer(256), "CANCELLED"),
        ("empty fragment", header(NOTE) + b"\x01", "CANCELLED"),
        ("a status", header(NOTE) + status("INTERNAL", "x"), "CANCELLED"),
        ("too large", header(NOTE) + integer((5 << 20) << 2), "RESOURCE_EXHAUSTED"),
        ("late", header(NOTE, timeout_ms=0), "DEADLINE"),
    ):
        expect(what, await c.open(True, integer(1) + data).stop_code(f"STOP_SENDING for {what}"), code)
    expect("call", await c.request(HELLO, "(String,)", ["still"]).answer("String"), "Hello, still!")


async def calls_by_the_hundred(c):
    calls = [c.request(HELLO, "(String,)", [str(n)]) for n in range(300)]
    for n, call in enumerate(calls):
        expect("answer", await call.answer("String"), f"Hello, {n}!")


async def the_server_calls_back(c):
    async def serve(call):
        await call.ended()
        [name] = values.decode("bincode", "(String,)", quic.joined(call.parts("request")[0]))
        call.write(value("String", f"Goodbye, {name}!")).finish()

    c.serving = serve
    expect("answer", await c.request(CALL_BACK, "(String,)", ["Ada"]).answer("String"), "Goodbye, Ada!")


async def status_from_a_call_back_is_passed_on(c):
    async def serve(call):
        await call.ended()
        call.write(status("FAILED_PRECONDITION", "not today", b"\x01\x02")).finish()

    c.serving = serve
    failure = await c.request(CALL_BACK, "(String,)", ["Ada"]).failure()
    expect("status", (failure["code"], failure["message"]), ("FAILED_PRECONDITION", "the caller: not today"))


# Messages


async def raw_codec_keeps_fragments_apart(c):
    call = c.open(data=header(RAW, "raw") + message(b"args") + message(b"ab", b"c", b"") + message(b"")).finish()
    parts = await call.whole()
    expect("messages", [quic.joined(part) for part in parts[:-1]], [b"args", b"abc", b""])


async def a_mebibyte_byte_by_byte_at_some_points(c):
    bulk = bytes(range(256)) * 4096
    encoded = values.encode("bincode", "(Bytes,)", [bulk])
    edges = [0, 1, 2, 3, 4, 5, 6, 1000, 60000, 60001, 500000, len(encoded)]
    fragments = [encoded[a:b] for a, b in zip(edges, edges[1:])]
    data = header(BYTES) + message(*fragments)
    call, at = c.open(), 0
    # The header, the arguments' length and the first fragments in pieces of one byte, and again later.
    for length in [1] * 40 + [99000] + [1] * 20 + [400000] + [1] * 20:
        call.write(data[at : at + length])
        at += length
        await asyncio.sleep(0.001)
    call.write(data[at:], fin=True)
    expect("answer", bytes(await call.answer("Bytes")) == bulk, True)


async def a_message_ended_by_an_empty_fragment(c):
    arguments = values.encode("bincode", "(String,)", ["Ada"])
    call = c.open(data=header(HELLO) + message(*[arguments[n : n + 1] for n in range(4)], b"")).finish()
    expect("answer", await call.answer("String"), "Hello, Ada!")


async def integers_may_be_longer_than_they_need(c):
    call = c.open(data=bytes.fromhex("c000000000000000 01 80000010 03416461")).finish()
    expect("answer", await call.answer("String"), "Hello, Ada!")


async def message_too_large_names_the_limit(c):
    call = c.open(data=header(BYTES) + integer((5 << 20) << 2))
    failure = await call.failure()
    limit = {"name": "max_message_bytes", "limit": 4 << 20, "seen": 5 << 20}
    expect("status", (failure["code"], failure["limit"]), ("RESOURCE_EXHAUSTED", limit))
    expect("13.1", await call.stop_code(), "NO_ERROR")


async def metadata_between_messages(c):
    block = ipfi_1.write_items([{"metadata": [["more", "00"]]}])
    call = c.request(SUM, fin=False).write(value("u64", 3) + block + value("u64", 4) + block)
    expect("sum", await call.finish().answer("u64"), 7)


async def small_windows(c, settings={"max_data": 8192, "max_stream_data": 2048}):
    bulk = bytes(200_000)
    calls = [c.request(BYTES, "(Bytes,)", [bulk]) for _ in range(3)]
    for call in calls:
        expect("answer", bytes(await call.answer("Bytes")) == bulk, True)


async def a_status_without_credit_becomes_a_reset(c, settings={"max_stream_data": 0}):
    # 5.9 and 6.6
    expect("NOT_FOUND", await c.request(FAIL).ended(), "INTERNAL")
    expect("late", await c.request(HANG, "(String,)", ["x"], timeout_ms=100).ended(), "DEADLINE")


async def key_update_and_another_connection_id(c):
    call = c.request(TIMES, "(u64,)", [2], fin=False)
    for number in range(6):
        call.write(value("u64", number))
        await call.messages(number + 1)
        c.request_key_update() if number % 2 else c.change_connection_id()
    expect("messages", len(await call.finish().whole()), 7)


async def metadata(c):
    call = c.request(METADATA, "(String,)", ["trace"], metadata=[["other", "00"], ["trace", b"abc".hex()]])
    expect("answer", await call.answer("Option<String>"), "abc")
    expect("first part", (await call.whole())[0], {"metadata": [["seen", b"abc".hex()]]})


async def priority(c):
    for n in (-128, -1, 1, 127):
        call = c.request(HELLO, "(String,)", ["Ada"], priority=n)
        expect("answer", await call.answer("String"), "Hello, Ada!")
    call = c.open(data=bytes.fromhex("00 41 4100 1003416461")).finish()
    expect("256", (await call.failure())["code"], "INVALID_ARGUMENT")


# How calls end


async def status_with_text_and_details(c):
    wanted = {"code": "NOT_FOUND", "origin": "callee", "message": "nothing of that name — é", "limit": None}
    expect("status", await c.request(FAIL).failure(), wanted | {"details": b"\x00\xffdetails".hex()})


async def a_handler_that_panics_is_internal(c):
    expect("code", (await c.request(PANIC).failure())["code"], "INTERNAL")
    expect("call", await c.request(HELLO, "(String,)", ["still"]).answer("String"), "Hello, still!")


async def status_halfway(c):
    parts = await c.request(HALFWAY).whole()
    expect("messages", [part["message"] for part in parts[:2]], [["00"], ["01"]])
    expect("status", parts[2]["status"]["code"], "DATA_LOSS")


async def what_does_not_exist_is_unimplemented(c):
    async def refused(what, data, *names):
        failure = await c.open(data=data).finish().failure()
        expect(what, failure["code"], "UNIMPLEMENTED")
        for wanted in names:
            expect(f"{what} in {failure['message']!r}", wanted in failure["message"], True)

    await refused("procedure", header(999) + message(b""), "999")
    await refused("reserved procedure", header((1 << 30) + 1) + message(b""), str((1 << 30) + 1))
    await refused("codec", bytes([HELLO, 9]) + message(b""), "9")
    await refused("reserved flag", bytes([HELLO, 0x81]) + message(b"\x03Ada"), "0x80")
    await refused("a call of a notification", header(NOTE) + value("(String,)", ["x"]), "notification")
    # 5.12: to one that has not answered yet.
    await refused("items for none", header(HANG) + value("(String,)", ["x"]) + message(b"1"))


async def broken_requests_are_invalid_arguments(c):
    for what, data in {
        "header-ended": b"\x00",
        "no-arguments": header(HELLO),
        "status-in-request": header(SUM) + message(b"") + status("INTERNAL", "x"),
        "fragment-empty": header(HELLO) + b"\x01",
        "metadata-inside-message": header(HELLO) + b"\x05a\x03",
        "end-inside-item": header(HELLO) + b"\x10Ad",
        "end-inside-message": header(HELLO) + b"\x05a",
        "metadata-key-byte": bytes([HELLO, 0x21]) + sized(b"\x01A\x00") + message(b"\x00"),
        "too few bytes": header(HELLO) + message(b"\x05a"),
        "bytes left over": header(HELLO) + message(b"\x01aa"),
    }.items():
        expect(what, (await c.open(data=data).finish().failure())["code"], "INVALID_ARGUMENT")


async def cancel_of_an_open_call(c):
    call = c.request(WAIT, "(String,)", ["cancelled"])
    await call.messages(1)
    call.stop("CANCELLED")
    expect("5.5", await call.ended(), "CANCELLED")
    await seen(c, "cancelled Caller")


async def cancel_before_the_request_has_ended(c):
    call = c.request(HANG, "(String,)", ["reset"], fin=False)
    await asyncio.sleep(0.05)
    call.reset("CANCELLED")
    call.stop("CANCELLED")
    expect("5.5", await call.ended(), "CANCELLED")
    await seen(c, "reset Caller")


async def cancel_says_why(c):
    for code, cause in (("DEADLINE", "Deadline"), ("SHUTDOWN", "Shutdown"), ("CANCELLED", "Caller")):
        call = c.request(WAIT, "(String,)", [code])
        await call.messages(1)
        call.stop(code)
        expect("5.5", await call.ended(), code)
        await seen(c, f"{code} {cause}")


async def cancel_with_any_code_is_answered_with_it(c):
    for code in ("NO_ERROR", "INTERNAL", "REFUSED"):
        call = c.request(WAIT, "(String,)", [code])
        await call.messages(1)
        call.stop(code)
        end = await call.ended()
        await seen(c, f"{code} Caller")
        expect("5.5", end, code)


async def detached_runs_on(c):
    call = c.request(FIRST, fin=False)
    call.stop("DETACHED")
    await asyncio.sleep(0.05)
    call.write(value("u64", 5)).finish()
    await seen(c, "first Some(Ok(5))")


async def timeout_leads_to_deadline(c):
    failure = await c.request(HANG, "(String,)", ["late"], timeout_ms=100).failure()
    expect("code", failure["code"], "DEADLINE_EXCEEDED")
    await seen(c, "late Deadline")
    failure = await c.request(HANG, "(String,)", ["never"], timeout_ms=0).failure()
    expect("of 0", failure["code"], "DEADLINE_EXCEEDED")
    names = await c.request(SEEN).answer("Vec<String>")
    expect("started with 0", [name for name in names if name.startswith("never")], [])


async def timeout_reaches_the_handler(c):
    left = await c.request(REMAINING, timeout_ms=5000).answer("Option<u64>")
    expect(f"{left} of 5000", 3000 < left <= 5000, True)
    expect("without", await c.request(REMAINING).answer("Option<u64>"), None)
