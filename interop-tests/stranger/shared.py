"""The shared stream of small calls (docs/protocol.md 3.6): QMux inside one stream of QUIC, from either end."""

import ipfi_1
import qmux
from ipfi_1 import LIMITS, Reader, Short, sized
from quic import STREAM, header, name

PROCEDURE = 1 << 30
# Windows that no test here fills; records no larger than what every peer must take.
PARAMETERS = {
    "max_idle_timeout": 0,
    "initial_max_data": 1 << 20,
    "initial_max_stream_data_bidi_local": 1 << 16,
    "initial_max_stream_data_bidi_remote": 1 << 16,
    "initial_max_stream_data_uni": 1 << 14,
    "initial_max_streams_bidi": 1000,
    "initial_max_streams_uni": 4,
    "max_datagram_frame_size": 0,
    "max_record_size": qmux.LEAST_RECORD,
}


class Session:
    """An end of QMux on one stream, enough of it for calls that fit the windows."""

    def __init__(self, stream, at=0):
        self.stream, self.at, self.next = stream, at, 0
        self.received, self.peer, self.closed = {}, None, None
        self.send({"type": "QX_TRANSPORT_PARAMETERS", "parameters": PARAMETERS})

    def send(self, *frames):
        self.stream.write(sized(b"".join(map(qmux.write_frame, frames))))

    def send_data(self, number, data):
        self.send({"type": "STREAM", "stream_id": number, "offset": 0, "fin": True, "data": data.hex()})

    async def until(self, what, ready):
        """Waits until the records that have come make `ready()` something."""

        def found():
            self.take()
            if (it := ready()) is None and self.stream.end:
                raise AssertionError(f"{what}: the shared stream ended with {self.stream.end}")
            return it

        return await self.stream.until(what, found)

    def take(self):
        """The records that are there whole."""
        reader = Reader(bytes(self.stream.data[self.at :]))
        try:
            while reader.left():
                before = reader.at
                for frame in qmux.read_record(reader, qmux.LEAST_RECORD):
                    self.frame(frame)
                self.at += reader.at - before
        except Short:
            pass

    def frame(self, frame):
        match frame["type"]:
            case "QX_TRANSPORT_PARAMETERS":
                self.peer = frame["parameters"]
            case "STREAM":
                data, _ = self.received.get(frame["stream_id"], (b"", False))
                self.received[frame["stream_id"]] = data + bytes.fromhex(frame["data"]), frame["fin"]
            case "QX_PING" if not frame["response"]:
                self.send(frame | {"response": True})
            case "CONNECTION_CLOSE":
                self.closed = frame

    def whole(self, number):
        """All that came on a stream that has ended, or None."""
        data, fin = self.received.get(number, (b"", False))
        return data if fin else None


class Caller(Session):
    """The client of a connection."""

    @classmethod
    async def open(cls, connection):
        session = cls(connection.open(data=header(PROCEDURE, "raw")))
        await session.until("the server's QX_TRANSPORT_PARAMETERS", lambda: session.peer)
        return session

    async def call(self, request):
        """Everything of the response."""
        number, self.next = self.next, self.next + 4
        self.send_data(number, request)
        return await self.until(f"the answer on stream {number}", lambda: self.whole(number))

    async def close(self):
        """Ends it in order: a close inside, then FIN; the peer ends its half."""
        self.send({"type": "CONNECTION_CLOSE", "layer": "application", "code": 0, "reason": ""})
        self.stream.finish()
        await self.stream.ended("the end of the shared stream")


class Callee(Session):
    """The server of a connection: answers every call with what `answer(header, message)` gives, if it gives bytes."""

    def __init__(self, stream, answer, say):
        reader = Reader(bytes(stream.data))
        ipfi_1.read_header(reader, LIMITS)
        super().__init__(stream, reader.at)
        self.answer, self.say = answer, say

    async def run(self):
        try:
            while not self.closed:
                before = self.at
                await self.until("records", lambda: (self.closed or self.at > before) or None)
        except AssertionError:
            # A quiet time, or the end of the stream.
            if not self.stream.end:
                return await self.run()
        self.stream.finish()

    def frame(self, frame):
        super().frame(frame)
        if frame["type"] == "STREAM" and (request := self.whole(frame["stream_id"])) is not None:
            reader, parts = Reader(request), []
            head = ipfi_1.read_header(reader, LIMITS)
            ipfi_1.read_items(request[reader.at :], "request", True, LIMITS, parts)
            self.say(f"shared stream: call of {head['procedure']}")
            if response := self.answer(head, bytes.fromhex("".join(parts[0]["message"]))):
                self.send_data(frame["stream_id"], response)
        if frame["type"] == "STOP_SENDING":
            self.say(f"shared stream: stopped {name(STREAM, frame['code'])}")
            reset = {"type": "RESET_STREAM", "stream_id": frame["stream_id"], "code": frame["code"], "final_size": 0}
            self.send(reset)
