"""ipfi-1 over QUIC (docs/protocol.md 12.5) in Python: aioquic carries the streams, sections 2 to 8 are written here.

One `Connection` is either side of one connection. What the peer's streams bring comes out of it whole or in pieces, as
a check wants; nothing is answered that a check did not write.
"""

import asyncio
import contextlib
import ssl

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

import ipfi_1
import values
from ipfi_1 import LIMITS, Reader, Short, integer

ALPN = "ipfi-1"
# Section 8
STREAM = "NO_ERROR CANCELLED REFUSED DEADLINE SHUTDOWN RESOURCE_EXHAUSTED INTERNAL DETACHED".split()
CLOSE = "NO_ERROR VERSION PROTOCOL UNAUTHENTICATED RESOURCE_EXHAUSTED SHUTDOWN INTERNAL".split()
# Section 9
CODEC = "raw bincode postcard messagepack json".split()
# Nothing here takes longer; what does has failed.
BOUND = 10


def name(names, code):
    return names[code] if code < len(names) else hex(code)


async def within(what, awaitable, bound=BOUND):
    """The result of `awaitable`, or an error that names what did not come."""
    try:
        async with asyncio.timeout(bound):
            return await awaitable
    except TimeoutError:
        raise AssertionError(f"{what}: nothing after {bound} s") from None


def header(procedure, codec="bincode", timeout_ms=None, metadata=(), priority=0):
    """3.1"""
    return ipfi_1.write_header(
        {
            "procedure": procedure,
            "codec": CODEC.index(codec),
            "timeout_ms": timeout_ms,
            "metadata": list(metadata),
            "priority": priority,
        }
    )


def message(*fragments):
    """4.2: a message in these fragments."""
    return ipfi_1.write_items([{"message": [fragment.hex() for fragment in fragments]}])


def value(kind, value, codec="bincode"):
    """4.1: one value as one message; `kind` is a tuple's for arguments."""
    return message(values.encode(codec, kind, value))


def status(code, text, details=b"", limit=None):
    """6.2: a status that the callee made."""
    made = {"code": code, "origin": "callee", "message": text, "limit": limit, "details": details.hex()}
    return ipfi_1.write_items([{"status": made}])


class Stream:
    """Both halves of a stream, or the one there is."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.data, self.end = bytearray(), None  # what came; "FIN", or the name of the code of a reset
        self.stopped = asyncio.get_running_loop().create_future()  # the name of the code of STOP_SENDING
        self.changed = asyncio.Event()
        self.kind = None  # the type of a unidirectional stream of the peer's

    def write(self, data, fin=False):
        # aioquic resets a stream that was stopped, and takes no more for it.
        if not self.stopped.done():
            self.connection.quic.send_stream_data(self.number, bytes(data), fin)
            self.connection.transmit()
        return self

    def finish(self):
        return self.write(b"", fin=True)

    def reset(self, code):
        self.connection.quic.reset_stream(self.number, STREAM.index(code))
        self.connection.transmit()

    def stop(self, code):
        self.connection.quic.stop_stream(self.number, STREAM.index(code))
        self.connection.transmit()

    async def until(self, what, ready):
        """Waits for bytes, or an end, with which `ready()` is something."""

        async def wait():
            while (found := ready()) is None:
                if self.connection.closed.done():
                    raise AssertionError(f"{what}: the connection was closed with {self.connection.closed.result()}")
                self.changed.clear()
                await self.changed.wait()
            return found

        return await within(what, wait())

    async def ended(self, what="the end of a stream"):
        return await self.until(what, lambda: self.end)

    async def stop_code(self, what="STOP_SENDING"):
        return await within(what, asyncio.shield(self.stopped))

    # As a caller or as a callee: 3 and 4

    def parts(self, direction):
        """What came so far, as the parts of `ipfi_1.read_items`, after the header of a request."""
        data, parts = bytes(self.data), []
        if direction == "request":
            reader = Reader(data)
            self.header = ipfi_1.read_header(reader, LIMITS)
            data = data[reader.at :]
        ipfi_1.read_items(data, direction, self.end == "FIN", LIMITS, parts)
        return parts

    async def messages(self, count, direction="response"):
        """The first `count` messages, as soon as they are there."""

        def ready():
            try:
                parts = self.parts(direction)
            except Short:
                # Inside the header.
                return None
            found = [joined(part) for part in parts if "message" in part]
            return found[:count] if len(found) >= count else None

        return await self.until(f"{count} messages of a {direction}", ready)

    async def whole(self, direction="response"):
        """Every part; the stream must end with FIN."""
        end = await self.ended(f"the end of a {direction}")
        if end != "FIN":
            raise AssertionError(f"a {direction} was reset with {end}")
        return self.parts(direction)

    async def answer(self, kind, codec="bincode"):
        """The one value of a response that succeeds."""
        parts = await self.whole()
        match [part for part in parts if part == "end" or "metadata" not in part]:
            case [{"message": _} as only, "end"]:
                return values.decode(codec, kind, joined(only))
        raise AssertionError(f"no single answer, but {parts}")

    async def failure(self):
        """The status of a response that fails; nothing but FIN may follow it."""
        parts = await self.whole()
        match parts[-2:]:
            case [{"status": status}, "end"]:
                return status
        raise AssertionError(f"no status, but {parts}")


def joined(part):
    return bytes.fromhex("".join(part["message"]))


class Connection(QuicConnectionProtocol):
    """Either side. `serving` is started for every stream that the peer opens, unless it is of an unknown type."""

    def __init__(self, quic, stream_handler=None, serving=None):
        super().__init__(quic, stream_handler)
        self.quic, self.serving = quic, serving
        self.streams, self.tasks, self.datagrams = {}, set(), asyncio.Queue()
        self.control = None  # the peer's control stream
        self.held = None  # datagrams that came and are not looked at yet
        self.told = asyncio.Event()
        self.closed = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        if self.held is None:
            super().datagram_received(data, addr)
        else:
            self.held.append((data, addr))

    def release(self):
        held, self.held = self.held, None
        for datagram in held:
            self.datagram_received(*datagram)

    def quic_event_received(self, event):
        match event:
            case events.HandshakeCompleted():
                if event.alpn_protocol != ALPN:
                    raise AssertionError(f"agreed on {event.alpn_protocol}")
                self.early_accepted = event.early_data_accepted
            case events.StreamDataReceived():
                stream = self.stream(event.stream_id)
                stream.data += event.data
                stream.end = "FIN" if event.end_stream else stream.end
                self.arrived(stream)
            case events.StreamReset():
                stream = self.stream(event.stream_id)
                stream.end = name(STREAM, event.error_code)
                self.arrived(stream)
            case events.StopSendingReceived():
                stream = self.stream(event.stream_id)
                if not stream.stopped.done():
                    stream.stopped.set_result(name(STREAM, event.error_code))
            case events.DatagramFrameReceived():
                self.datagrams.put_nowait(event.data)
            case events.ConnectionTerminated():
                transport = event.frame_type is not None
                code = hex(event.error_code) if transport else name(CLOSE, event.error_code)
                self.closed.set_result((("transport " if transport else "") + code, event.reason_phrase))
                for stream in self.streams.values():
                    stream.changed.set()

    def stream(self, number):
        if number not in self.streams:
            self.streams[number] = stream = Stream(self, number)
            if self.is_theirs(stream) and not number & 2 and self.serving:
                self.start(self.serving(stream))
        return self.streams[number]

    def is_theirs(self, stream):
        # Bit 0 is 0 for a client's.
        return (stream.number & 1 == 0) != self.quic.configuration.is_client

    def arrived(self, stream):
        if self.is_theirs(stream) and stream.number & 2 and stream.kind is None:
            # 2.1: its type.
            with contextlib.suppress(Short):
                stream.kind = Reader(bytes(stream.data)).int()
                if stream.kind == 0:
                    self.control = stream
                elif stream.kind == 1 and self.serving:
                    self.start(self.serving(stream))
        if stream is self.control:
            self.told.set()
        stream.changed.set()

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # What a side does

    def open(self, unidirectional=False, data=b""):
        number = self.quic.get_next_available_stream_id(is_unidirectional=unidirectional)
        return self.stream(number).write(data)

    def hello(self, **settings):
        """2.2 to 2.5: the own control stream."""
        return self.open(True, ipfi_1.write_control([{"settings": ipfi_1.DEFAULTS | settings}]))

    async def heard(self, wanted):
        """Waits until the peer's control stream has a part `wanted(part)`, and gives it."""
        await within("the peer's control stream", self.told.wait())

        def ready():
            parts = []
            ipfi_1.read_control(bytes(self.control.data), False, parts)
            return next((part for part in parts if wanted(part)), None)

        return await self.control.until("a control message", ready)

    async def settings(self):
        return (await self.heard(lambda part: "settings" in part))["settings"]

    def request(self, procedure, kind="()", arguments=None, fin=True, **head):
        """A call whose arguments are a value of `kind`, of none if it is not given."""
        codec = head.get("codec", "bincode")
        return self.open(data=header(procedure, **head) + value(*none(kind, arguments), codec)).write(b"", fin)

    def notify(self, procedure, kind, arguments, **head):
        return self.open(True, integer(1) + header(procedure, **head) + value(kind, arguments)).finish()

    def datagram(self, data):
        self.quic.send_datagram_frame(data)
        self.transmit()

    def close_with(self, code, reason):
        self.close(CLOSE.index(code), reason)

    async def close_seen(self):
        """The name of the code and the reason of the close that ended the connection."""
        return await within("a close", asyncio.shield(self.closed))


def none(kind, arguments):
    return ("no arguments" if kind == "()" else kind, arguments or [])


def configuration(**more):
    # A datagram frame as large as the limit of section 10.
    return QuicConfiguration(**{"alpn_protocols": [ALPN], "max_datagram_frame_size": 16382} | more)


@contextlib.asynccontextmanager
async def connect(port, certificate, early=None, **more):
    """A connection to our server, which shows `certificate`; `more` are settings of aioquic. What `early` does with it
    arrives before the handshake is done, if there is a ticket among `more`."""
    config = configuration(is_client=True, server_name="localhost", verify_mode=ssl.CERT_REQUIRED, **more)
    config.load_verify_locations(certificate)
    tickets = asyncio.Queue()
    transport, connection = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Connection(QuicConnection(configuration=config, session_ticket_handler=tickets.put_nowait)),
        local_addr=("127.0.0.1", 0),
    )
    connection.ticket = tickets.get
    try:
        # It must be waited for before it happens.
        connected = asyncio.ensure_future(connection.wait_connected())
        await asyncio.sleep(0)
        connection.connect(("127.0.0.1", port), transmit=early is None)
        if early:
            early(connection)
            # The server gets no further than to answer what was early.
            connection.held = []
            await asyncio.sleep(0.3)
            connection.release()
        await within("the handshake", connected)
        yield connection
    finally:
        connection.close()
        await within("the end of the connection", connection.wait_closed())
        for task in connection.tasks:
            task.cancel()
        transport.close()


async def listen(certificate, key, made):
    """Listens on a port of the system's choice; `made(quic, stream_handler)` is each connection."""
    config = configuration(is_client=False)
    config.load_cert_chain(certificate, key)
    server = await serve("127.0.0.1", 0, configuration=config, create_protocol=made)
    return server._transport.get_extra_info("sockname")[1]
