"""QMux in Python, from draft-ietf-quic-qmux-02, RFC 9000 and RFC 9221: frames, records, and what a server checks."""

from ipfi_1 import Reader, Refused, Short, integer, sized

PARAMETERS = {
    0x01: "max_idle_timeout",
    0x04: "initial_max_data",
    0x05: "initial_max_stream_data_bidi_local",
    0x06: "initial_max_stream_data_bidi_remote",
    0x07: "initial_max_stream_data_uni",
    0x08: "initial_max_streams_bidi",
    0x09: "initial_max_streams_uni",
    0x20: "max_datagram_frame_size",
    0x0571C59429CD0845: "max_record_size",
}
PROHIBITED = (0x00, 0x02, 0x03, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10)
LEAST_RECORD = 16382
QX_TRANSPORT_PARAMETERS, QX_PING = 0x3F5153300D0A0D0A, 0x348C67529EF8C7BD
MOST_STREAMS = 1 << 60
# Frames that are nothing but integers: their names, and those of the integers.
SIMPLE = {
    0x04: ("RESET_STREAM", "stream_id", "code", "final_size"),
    0x05: ("STOP_SENDING", "stream_id", "code"),
    0x10: ("MAX_DATA", "maximum"),
    0x11: ("MAX_STREAM_DATA", "stream_id", "maximum"),
    0x14: ("DATA_BLOCKED", "limit"),
    0x15: ("STREAM_DATA_BLOCKED", "stream_id", "limit"),
}
STREAMS = {0x12: ("MAX_STREAMS", "maximum"), 0x16: ("STREAMS_BLOCKED", "limit")}


def read_parameters(data):
    values = dict.fromkeys(PARAMETERS.values(), 0) | {"max_record_size": LEAST_RECORD}
    reader, seen = Reader(data), set()
    try:
        while reader.left():
            number, value = reader.int(), Reader(reader.take(reader.int()))
            if number in PROHIBITED or number in seen:
                raise Refused("TRANSPORT_PARAMETER_ERROR")
            if name := PARAMETERS.get(number):
                seen.add(number)
                values[name] = value.int()
                if value.left():
                    raise Refused("TRANSPORT_PARAMETER_ERROR")
    except Short:
        raise Refused("TRANSPORT_PARAMETER_ERROR") from None
    streams = max(values["initial_max_streams_bidi"], values["initial_max_streams_uni"])
    if streams > MOST_STREAMS or values["max_record_size"] < LEAST_RECORD:
        raise Refused("TRANSPORT_PARAMETER_ERROR")
    return values


def read_frame(reader):
    kind = reader.int()
    if kind == 0x00:
        return {"type": "PADDING"}
    if kind in SIMPLE:
        name, *fields = SIMPLE[kind]
        return {"type": name} | {field: reader.int() for field in fields}
    if kind & ~1 in STREAMS:
        name, field = STREAMS[kind & ~1]
        value = reader.int()
        if value > MOST_STREAMS:
            raise Refused("FRAME_ENCODING_ERROR")
        return {"type": name, "bidirectional": kind & 1 == 0, field: value}
    if 0x08 <= kind <= 0x0F:
        stream_id, offset = reader.int(), reader.int() if kind & 4 else 0
        data = reader.take(reader.int() if kind & 2 else reader.left())
        if offset + len(data) >= 1 << 62:
            raise Refused("FRAME_ENCODING_ERROR")
        return {"type": "STREAM", "stream_id": stream_id, "offset": offset, "fin": kind & 1 == 1, "data": data.hex()}
    if kind in (0x1C, 0x1D):
        transport = kind == 0x1C
        frame = {"type": "CONNECTION_CLOSE", "layer": "transport" if transport else "application", "code": reader.int()}
        if transport:
            frame["frame_type"] = reader.int()
        return frame | {"reason": reader.take(reader.int()).hex()}
    if kind in (0x30, 0x31):
        return {"type": "DATAGRAM", "data": reader.take(reader.int() if kind & 1 else reader.left()).hex()}
    if kind in (QX_PING, QX_PING + 1):
        return {"type": "QX_PING", "response": kind != QX_PING, "sequence": reader.int()}
    if kind == QX_TRANSPORT_PARAMETERS:
        return {"type": "QX_TRANSPORT_PARAMETERS", "parameters": read_parameters(reader.take(reader.int()))}
    # Prohibited, or unknown.
    raise Refused("FRAME_ENCODING_ERROR")


def write_frame(frame):
    """Always with a length, and with an offset only where there is one."""
    match frame["type"]:
        case "PADDING":
            return b"\x00"
        case "STREAM":
            offset = frame["offset"]
            head = bytes([0x0A | (offset > 0) << 2 | frame["fin"]]) + integer(frame["stream_id"])
            return head + (integer(offset) if offset else b"") + sized(bytes.fromhex(frame["data"]))
        case "CONNECTION_CLOSE":
            transport = frame["layer"] == "transport"
            head = (b"\x1c" if transport else b"\x1d") + integer(frame["code"])
            return head + (integer(frame["frame_type"]) if transport else b"") + sized(bytes.fromhex(frame["reason"]))
        case "DATAGRAM":
            return b"\x31" + sized(bytes.fromhex(frame["data"]))
        case "QX_PING":
            return integer(QX_PING + frame["response"]) + integer(frame["sequence"])
        case "QX_TRANSPORT_PARAMETERS":
            default = {"max_record_size": LEAST_RECORD}
            values = [(number, frame["parameters"][name], default.get(name, 0)) for number, name in PARAMETERS.items()]
            sent = (integer(number) + sized(integer(value)) for number, value, usual in values if value != usual)
            return integer(QX_TRANSPORT_PARAMETERS) + sized(b"".join(sent))
    for kind, (name, *fields) in SIMPLE.items():
        if name == frame["type"]:
            return integer(kind) + b"".join(integer(frame[field]) for field in fields)
    for kind, (name, field) in STREAMS.items():
        if name == frame["type"]:
            return integer(kind + (not frame["bidirectional"])) + integer(frame[field])
    raise ValueError(frame)


def read_frames(data):
    """The Frames field of a record."""
    reader, frames = Reader(data), []
    try:
        while reader.left():
            frames.append(read_frame(reader))
    except Short:
        raise Refused("FRAME_ENCODING_ERROR") from None
    if not frames:
        raise Refused("PROTOCOL_VIOLATION")
    return frames


def read_record(reader, max_record_size):
    size = reader.int()
    if size > max_record_size:
        raise Refused("FRAME_ENCODING_ERROR")
    return read_frames(reader.take(size))


class Server:
    """A server with the default limits of section 10 that has sent its parameters and opened no stream."""

    RECORD, DATAGRAM, CONNECTION_WINDOW = 65536, 16382, 24 << 20
    LIMITS = {0: 256, 2: 64}  # client's streams by kind: bidirectional, unidirectional
    WINDOWS = {0: 65536, 2: 16384}

    def __init__(self):
        self.started, self.ping = False, -1
        self.streams = {}  # id: [received, final size or None]

    def receive(self, data):
        reader = Reader(data)
        while reader.left():
            for frame in read_record(reader, self.RECORD):
                self.frame(frame)

    def frame(self, frame):
        name = frame["type"]
        if (name == "QX_TRANSPORT_PARAMETERS") == self.started:
            raise Refused("PROTOCOL_VIOLATION")
        self.started = True
        if name == "QX_PING":
            # None was sent, so every response is to one that was not.
            if frame["response"] or frame["sequence"] <= self.ping:
                raise Refused("PROTOCOL_VIOLATION")
            self.ping = frame["sequence"]
        elif name == "DATAGRAM" and len(frame["data"]) // 2 + 1 > self.DATAGRAM:
            raise Refused("PROTOCOL_VIOLATION")
        elif "stream_id" in frame:
            self.stream_frame(name, frame)

    def stream_frame(self, name, frame):
        number = frame["stream_id"]
        # Bit 0: opened by the server, which opened none; bit 1: unidirectional, which a client's allows to send only.
        only_sent = number & 2 and name in ("STOP_SENDING", "MAX_STREAM_DATA")
        if number & 1 or only_sent:
            raise Refused("STREAM_STATE_ERROR")
        if number >> 2 >= self.LIMITS[number & 2]:
            raise Refused("STREAM_LIMIT_ERROR")
        if name not in ("STREAM", "RESET_STREAM"):
            return
        received, final = self.streams.get(number, (0, None))
        length = len(frame.get("data", "")) // 2
        end = frame["offset"] + length if name == "STREAM" else frame["final_size"]
        ends = name == "RESET_STREAM" or frame["fin"]
        if end > self.WINDOWS[number & 2]:
            raise Refused("FLOW_CONTROL_ERROR")
        if final is not None and (end > final or ends and end != final) or ends and end < received:
            raise Refused("FINAL_SIZE_ERROR")
        if name == "STREAM" and frame["offset"] != received:
            raise Refused("PROTOCOL_VIOLATION")
        others = sum(received for n, (received, _) in self.streams.items() if n != number)
        if others + end > self.CONNECTION_WINDOW:
            raise Refused("FLOW_CONTROL_ERROR")
        self.streams[number] = (end, end if ends else final)
