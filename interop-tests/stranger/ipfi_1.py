"""ipfi-1 in Python, sections 1 to 7: reading says what comes out or raises `Refused`, writing gives the bytes."""

LIMITS = {"max_message_bytes": 4 << 20, "max_metadata_bytes": 16384, "max_metadata_entries": 64}


class Refused(Exception):
    """An input that must be refused, by the name of the error."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


class Short(Exception):
    """The input ends before what is to be read does."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, length):
        if length > self.left():
            raise Short
        self.at += length
        return self.data[self.at - length : self.at]

    def int(self):
        """1.3: an (i)."""
        first = self.take(1)[0]
        rest = self.take((1 << (first >> 6)) - 1)
        return int.from_bytes(bytes([first & 0x3F]) + rest, "big")


def integer(value):
    """1.3: the shortest (i)."""
    for bits, length in enumerate((1, 2, 4, 8)):
        if value < 1 << (8 * length - 2):
            return (bits << (8 * length - 2) | value).to_bytes(length, "big")
    raise ValueError(value)


def sized(data):
    return integer(len(data)) + data


# Section 7

KEY = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-")


def read_metadata(block, limits, entries_before=0):
    if len(block) > limits["max_metadata_bytes"]:
        raise Refused("metadata-too-large")
    reader, entries = Reader(block), []
    try:
        while reader.left():
            if entries_before + len(entries) == limits["max_metadata_entries"]:
                raise Refused("metadata-too-many-entries")
            length = reader.int()
            if not 1 <= length <= 64:
                raise Refused("metadata-key-length")
            key = reader.take(length)
            if not KEY.issuperset(key):
                raise Refused("metadata-key-byte")
            entries.append([key.decode(), reader.take(reader.int()).hex()])
    except Short:
        raise Refused("metadata-truncated") from None
    return entries


def write_metadata(entries):
    return b"".join(sized(key.encode()) + sized(bytes.fromhex(value)) for key, value in entries)


# Section 3


def read_header(reader, limits):
    header = {"procedure": reader.int(), "codec": None, "timeout_ms": None, "metadata": [], "priority": 0}
    flags = reader.take(1)[0]
    if flags & 0x80:
        raise Refused("header-reserved-flag")
    header["codec"] = flags & 0x0F
    if flags & 0x10:
        header["timeout_ms"] = reader.int()
    if flags & 0x20:
        length = reader.int()
        if length > limits["max_metadata_bytes"]:
            raise Refused("metadata-too-large")
        header["metadata"] = read_metadata(reader.take(length), limits)
    if flags & 0x40:
        zigzag = reader.int()
        if zigzag > 255:
            raise Refused("header-priority")
        header["priority"] = zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2
    return header


def write_header(header):
    flags, rest = header["codec"], b""
    if header["timeout_ms"] is not None:
        flags, rest = flags | 0x10, integer(header["timeout_ms"])
    if header["metadata"]:
        flags, rest = flags | 0x20, rest + sized(write_metadata(header["metadata"]))
    if n := header["priority"]:
        flags, rest = flags | 0x40, rest + integer(2 * n if n >= 0 else -2 * n - 1)
    return integer(header["procedure"]) + bytes([flags]) + rest


def procedure_index(interface, method):
    """3.7"""
    h = 0x811C9DC5
    for byte in f"{interface}.{method}".encode():
        h = (h ^ byte) * 0x01000193 % 2**32
    h = h >> 30 ^ h & 0x3FFFFFFF
    return h if h >= 1 << 14 else h | 1 << 29


# Section 6

CODES = """OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
    RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS
    UNAUTHENTICATED""".split()


def read_status(body):
    reader = Reader(body)
    try:
        code, flags = reader.int(), reader.take(1)[0]
        if code == 0 or flags & ~0x03:
            raise Refused("status-malformed")
        text, limit = reader.take(reader.int()).decode(), None
        if flags & 0x02:
            name = reader.take(reader.int()).decode()
            limit = {"name": name, "limit": reader.int(), "seen": reader.int()}
    except (Short, UnicodeDecodeError):
        raise Refused("status-malformed") from None
    return {
        "code": CODES[code] if code < len(CODES) else "UNKNOWN",
        "origin": "caller" if flags & 0x01 else "callee",
        "message": text,
        "limit": limit,
        "details": reader.take(reader.left()).hex(),
    }


def write_status(status):
    limit = status["limit"]
    flags = (status["origin"] == "caller") | (limit is not None) << 1
    out = integer(CODES.index(status["code"])) + bytes([flags]) + sized(status["message"].encode())
    if limit:
        out += sized(limit["name"].encode()) + integer(limit["limit"]) + integer(limit["seen"])
    return out + bytes.fromhex(status["details"])


# Section 4


def read_items(data, direction, fin, limits, parts):
    """One direction after its header; appends to `parts` what comes out."""
    reader, request = Reader(data), direction == "request"
    fragments, size, messages, status_seen = [], 0, 0, False
    metadata_bytes = metadata_entries = 0

    def give_up_message():
        if fragments:
            parts.append({"unfinished": [part.hex() for part in fragments]})

    try:
        while reader.left():
            head = reader.int()
            length, kind = head >> 2, head & 3
            if status_seen:
                raise Refused("after-status")
            if kind in (0, 1):
                if kind == 1 and length == 0:
                    raise Refused("fragment-empty")
                size += length
                if size > limits["max_message_bytes"]:
                    raise Refused("message-too-large")
                if 0 < reader.left() < length:
                    fragments.append(reader.take(reader.left()))
                    raise Short
                fragments.append(reader.take(length))
                if kind == 0:
                    parts.append({"message": [part.hex() for part in fragments]})
                    fragments, size, messages = [], 0, messages + 1
            elif kind == 2:
                if request:
                    raise Refused("status-in-request")
                if length > max(limits["max_metadata_bytes"], 3):
                    raise Refused("status-too-large")
                status = read_status(reader.take(length))
                give_up_message()
                fragments, status_seen = [], True
                parts.append({"status": status})
            else:
                if fragments:
                    raise Refused("metadata-inside-message")
                if not request and parts:
                    raise Refused("metadata-not-first")
                metadata_bytes += length
                if metadata_bytes > limits["max_metadata_bytes"]:
                    raise Refused("metadata-too-large")
                block = reader.take(length)
                if not block and metadata_entries == limits["max_metadata_entries"]:
                    raise Refused("metadata-too-many-entries")
                entries = read_metadata(block, limits, metadata_entries)
                metadata_entries += len(entries) or 1
                parts.append({"metadata": entries})
        if fin:
            if fragments:
                raise Refused("end-inside-message")
            if request and not messages:
                raise Refused("no-arguments")
            parts.append("end")
    except Short:
        give_up_message()
        if fin:
            raise Refused("end-inside-item") from None
    except Refused:
        give_up_message()
        raise
    else:
        give_up_message()


def write_items(parts):
    def item(kind, data):
        return integer(len(data) << 2 | kind) + data

    out = b""
    for part in parts:
        match part:
            case {"message": list(fragments)}:
                kinds = [1] * (len(fragments) - 1) + [0]
                out += b"".join(item(kind, bytes.fromhex(x)) for kind, x in zip(kinds, fragments))
            case {"unfinished": list(fragments)}:
                out += b"".join(item(1, bytes.fromhex(x)) for x in fragments)
            case {"status": status}:
                out += item(2, write_status(status))
            case {"metadata": entries}:
                out += item(3, write_metadata(entries))
    return out


# Section 2

SETTINGS = {1: "max_message_bytes", 2: "max_metadata_bytes", 3: "serves", 4: "shared_calls"}
ISOLATED = 5  # may come again, and is absent where none came
MAX_CALLS = 6  # absent where it is 256
DEFAULTS = {"max_message_bytes": 4 << 20, "max_metadata_bytes": 16384, "serves": True, "shared_calls": False}


def read_settings(payload):
    reader, settings, seen = Reader(payload), dict(DEFAULTS), set()
    try:
        while reader.left():
            key, value = reader.int(), reader.int()
            if key == ISOLATED:
                isolated = settings.setdefault("isolated", [])
                if len(isolated) < 64:
                    isolated.append(value)
                continue
            if key not in SETTINGS and key != MAX_CALLS:
                continue
            if key in seen:
                raise Refused("setting-twice")
            if key in (3, 4) and value > 1:
                raise Refused("setting-value")
            seen.add(key)
            if key == MAX_CALLS:
                if value != 256:
                    settings["max_inbound_calls"] = value
                continue
            settings[SETTINGS[key]] = value if key in (1, 2) else value == 1
    except Short:
        raise Refused("settings-truncated") from None
    return settings


def read_control(data, fin, parts):
    reader, settled = Reader(data), False
    try:
        if reader.int() != 0:
            raise ValueError("not a control stream")
        for byte in b"ipfi":
            if reader.take(1)[0] != byte:
                raise Refused("control-not-ipfi")
        if reader.int() != 1:
            raise Refused("control-version")
        while reader.left():
            kind = reader.int()
            if not settled and kind != 0:
                raise Refused("settings-missing")
            if settled and kind == 0:
                raise Refused("settings-twice")
            length = reader.int()
            if length > 16384:
                raise Refused("control-too-large")
            payload = reader.take(length)
            if kind == 0:
                parts.append({"settings": read_settings(payload)})
                settled = True
            else:
                parts.append("goaway" if kind == 1 else {"unknown": kind})
    except Short:
        pass
    if fin:
        raise Refused("control-ended")


def write_control(parts):
    out = b"\x00ipfi\x01"
    for part in parts:
        if part == "goaway":
            out += b"\x01\x00"
        else:
            sent = [(key, part["settings"][name]) for key, name in SETTINGS.items()]
            sent = [(key, value) for key, value in sent if value != DEFAULTS[SETTINGS[key]]]
            sent += [(ISOLATED, index) for index in part["settings"].get("isolated", [])]
            sent += [(MAX_CALLS, part["settings"]["max_inbound_calls"])] if "max_inbound_calls" in part["settings"] else []
            out += b"\x00" + sized(b"".join(integer(key) + integer(value) for key, value in sent))
    return out
