"""ipfi-1 over WebSocket (docs/protocol.md 12.4) in Python: `websockets` carries the messages, QMux and calls are written here.

Either side of one connection: streams with credit both ways, one record in each binary message.
"""

import asyncio
import contextlib

import ipfi_1
import qmux
import values
from ipfi_1 import LIMITS, Reader, integer
from websockets.exceptions import ConnectionClosed

SUBPROTOCOL = "qmux-02.ipfi-1"
CODEC = "raw bincode postcard messagepack json".split()
BOUND = 10
WINDOW, RECORD, CHUNK = 1 << 18, 1 << 16, 16000
PARAMETERS = {
    "max_idle_timeout": 0,
    "initial_max_data": 16 * WINDOW,
    "initial_max_stream_data_bidi_local": WINDOW,
    "initial_max_stream_data_bidi_remote": WINDOW,
    "initial_max_stream_data_uni": 1 << 14,
    "initial_max_streams_bidi": 500,
    "initial_max_streams_uni": 64,
    "max_datagram_frame_size": 0,
    "max_record_size": RECORD,
}


async def within(what, awaitable, bound=BOUND):
    """The result of `awaitable`, or an error that names what did not come."""
    try:
        async with asyncio.timeout(bound):
            return await awaitable
    except TimeoutError:
        raise AssertionError(f"{what}: nothing after {bound} s") from None


def expect(what, seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")


def header(procedure, codec="bincode"):
    made = {"procedure": procedure, "codec": CODEC.index(codec), "timeout_ms": None, "metadata": [], "priority": 0}
    return ipfi_1.write_header(made)


def value(kind, value, codec="bincode"):
    """One value as one message; `kind` is a tuple's for arguments."""
    return ipfi_1.write_items([{"message": [values.encode(codec, kind, value).hex()]}])


def joined(part):
    return bytes.fromhex("".join(part["message"]))


class Stream:
    """RFC 9000 sections 2 to 4, of both halves or the one there is."""

    def __init__(self, connection, number, credit):
        self.connection, self.number = connection, number
        self.data, self.end, self.granted = bytearray(), None, WINDOW
        self.unsent, self.sent, self.credit, self.finishing = bytearray(), 0, credit, False
        self.stopped = None

    def write(self, data, fin=False):
        self.unsent += data
        self.finishing |= fin
        self.connection.flush()
        return self

    def finish(self):
        return self.write(b"", True)

    def reset(self, code):
        self.finishing = False
        frame = {"type": "RESET_STREAM", "stream_id": self.number, "code": code, "final_size": self.sent}
        self.unsent.clear()
        self.connection.send(frame)

    def stop(self, code):
        self.connection.send({"type": "STOP_SENDING", "stream_id": self.number, "code": code})

    async def until(self, what, ready):
        async def wait():
            while not (found := ready()):
                if self.connection.closed is not None:
                    raise AssertionError(f"{what}: the connection was closed with {self.connection.closed}")
                await self.connection.news()
            return found

        return await within(what, wait())

    def parts(self, direction):
        """What has come, as the parts of `ipfi_1.read_items`, after the header of a request."""
        data, parts = bytes(self.data), []
        if direction == "request":
            reader = Reader(data)
            self.header = ipfi_1.read_header(reader, LIMITS)
            data = data[reader.at :]
        ipfi_1.read_items(data, direction, self.end == "FIN", LIMITS, parts)
        return parts

    async def whole(self, direction="response"):
        end = await self.until(f"the end of a {direction}", lambda: self.end)
        expect("end", end, "FIN")
        return self.parts(direction)

    async def answer(self, kind, codec="bincode"):
        match await self.whole():
            case [{"message": _} as only, "end"]:
                return values.decode(codec, kind, joined(only))
            case other:
                raise AssertionError(f"no single answer, but {other}")


class Connection:
    """Either side. `serving` is started for every call that the peer makes."""

    def __init__(self, ws, is_client, serving=None):
        self.ws, self.is_client, self.serving = ws, is_client, serving
        self.streams, self.peer, self.closed, self.tasks = {}, None, None, set()
        self.out, self.more = [], asyncio.Event()
        self.next = {0: 0, 2: 0}
        self.sent, self.credit, self.received, self.granted = 0, 0, 0, PARAMETERS["initial_max_data"]
        self.places = {0: 0, 2: 0}
        self.accepted = {0: 0, 2: 0}
        self.told, self.largest = asyncio.Event(), 0
        self.send({"type": "QX_TRANSPORT_PARAMETERS", "parameters": PARAMETERS})
        self.running = [asyncio.create_task(self.read()), asyncio.create_task(self.write())]

    async def news(self):
        self.told.clear()
        await self.told.wait()

    async def established(self):
        """Both have their parameters; ours opens its control stream (2.3, 2.4)."""

        async def wait():
            while self.peer is None:
                if self.closed is not None:
                    raise AssertionError(f"closed with {self.closed}")
                await self.news()

        await within("the peer's QX_TRANSPORT_PARAMETERS", wait())
        self.open(unidirectional=True).write(b"\x00ipfi" + integer(1) + b"\x00\x00")
        return self

    def send(self, *frames):
        self.out += [qmux.write_frame(frame) for frame in frames]
        self.more.set()

    async def write(self):
        """As many frames in a message as the peer takes."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.more.wait()
                self.more.clear()
                while self.out:
                    most = self.peer["max_record_size"] if self.peer else qmux.LEAST_RECORD
                    record = b""
                    while self.out and len(record) + len(self.out[0]) <= most:
                        record += self.out.pop(0)
                    await self.ws.send(record)

    async def read(self):
        try:
            async for message in self.ws:
                if isinstance(message, str):
                    raise AssertionError("a text message")
                self.largest = max(self.largest, len(message))
                for frame in qmux.read_frames(message):
                    self.frame(frame)
                self.told.set()
        except Exception as error:
            self.closed = self.closed or repr(error)
        self.closed = self.closed or f"WebSocket {self.ws.close_code} {self.ws.close_reason}".strip()
        self.told.set()

    def open(self, unidirectional=False):
        kind = 2 if unidirectional else 0
        number, self.next[kind] = self.next[kind], self.next[kind] + 1
        limit = "initial_max_stream_data_uni" if unidirectional else "initial_max_stream_data_bidi_remote"
        self.streams[i] = Stream(self, i := number << 2 | kind | (not self.is_client), self.peer[limit])
        return self.streams[i]

    def call(self, procedure, kind="()", arguments=(), codec="bincode", fin=True):
        stream = self.open()
        return stream.write(header(procedure, codec) + value(kind, list(arguments) if kind != "()" else None, codec), fin)

    async def place(self):
        """Waits until the peer lets one more call be opened (MAX_STREAMS)."""
        while self.next[0] >= self.places[0]:
            await within("MAX_STREAMS", self.news())

    def flush(self):
        for stream in self.streams.values():
            while stream.unsent or stream.finishing:
                room = min(CHUNK, stream.credit - stream.sent, self.credit - self.sent, len(stream.unsent))
                if stream.unsent and room <= 0:
                    break
                data, stream.unsent = bytes(stream.unsent[:room]), stream.unsent[room:]
                fin = stream.finishing and not stream.unsent
                stream.finishing &= not fin
                head = {"type": "STREAM", "stream_id": stream.number, "offset": stream.sent}
                self.send(head | {"fin": fin, "data": data.hex()})
                stream.sent += len(data)
                self.sent += len(data)

    def frame(self, frame):
        number = frame.get("stream_id")
        if number is not None and number not in self.streams:
            if number & 1 == (not self.is_client):
                return
            self.accept(number)
        stream = self.streams.get(number)
        match frame["type"]:
            case "QX_TRANSPORT_PARAMETERS":
                self.peer = frame["parameters"]
                self.credit = self.peer["initial_max_data"]
                self.places = {0: self.peer["initial_max_streams_bidi"], 2: self.peer["initial_max_streams_uni"]}
            case "STREAM":
                expect("offset", frame["offset"], len(stream.data))
                data = bytes.fromhex(frame["data"])
                stream.data += data
                stream.end = "FIN" if frame["fin"] else stream.end
                self.received += len(data)
                self.grant(stream)
            case "RESET_STREAM":
                stream.end = f"reset {frame['code']}"
            case "STOP_SENDING":
                stream.stopped = frame["code"]
                stream.reset(frame["code"])
            case "MAX_DATA":
                self.credit = max(self.credit, frame["maximum"])
                self.flush()
            case "MAX_STREAM_DATA":
                stream.credit = max(stream.credit, frame["maximum"])
                self.flush()
            case "MAX_STREAMS":
                kind = 0 if frame["bidirectional"] else 2
                self.places[kind] = max(self.places[kind], frame["maximum"])
            case "QX_PING" if not frame["response"]:
                self.send(frame | {"response": True})
            case "CONNECTION_CLOSE":
                reason = bytes.fromhex(frame["reason"]).decode()
                self.closed = f"{frame['layer']} {frame['code']} {reason}".strip()

    def accept(self, number):
        kind = number & 2
        self.streams[number] = Stream(self, number, self.peer["initial_max_stream_data_bidi_local"])
        self.accepted[kind] += 1
        most = PARAMETERS["initial_max_streams_uni" if kind else "initial_max_streams_bidi"]
        self.send({"type": "MAX_STREAMS", "bidirectional": not kind, "maximum": self.accepted[kind] + most})
        if not kind and self.serving:
            task = asyncio.create_task(self.serving(self.streams[number]))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def grant(self, stream):
        if stream.granted - len(stream.data) < WINDOW // 2 and not stream.end:
            stream.granted = len(stream.data) + WINDOW
            self.send({"type": "MAX_STREAM_DATA", "stream_id": stream.number, "maximum": stream.granted})
        if self.granted - self.received < PARAMETERS["initial_max_data"] // 2:
            self.granted = self.received + PARAMETERS["initial_max_data"]
            self.send({"type": "MAX_DATA", "maximum": self.granted})

    async def close(self, code=0, reason=""):
        made = {"type": "CONNECTION_CLOSE", "layer": "application", "code": code, "reason": reason.encode().hex()}
        self.send(made)
        await asyncio.sleep(0)
        await self.ws.close()
