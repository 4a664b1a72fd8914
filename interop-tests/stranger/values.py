"""The codecs of section 9 in Python: a value of a type, as its bytes and back."""

import json
import re
import struct

from ipfi_1 import Reader, Refused, Short

# What docs/vectors/README.md says of the types of codecs.json.
STRUCTS = {
    "Person": [("name", "String"), ("age", "u8"), ("email", "Option<String>")],
    "Shape::Label": [("text", "String")],
    # Clause 15.2.
    "Description": [("name", "String"), ("doc", "String"), ("types", "Vec<Type>"), ("methods", "Vec<Method>")],
    "Method": [
        ("name", "String"), ("doc", "String"), ("index", "u64"), ("kind", "Kind"), ("idempotent", "bool"), ("datagram", "bool"),
        ("timeout_ms", "Option<u64>"), ("parameters", "Vec<Parameter>"), ("items", "Option<AnyShape>"),
        ("answer", "Option<AnyShape>"), ("error", "Option<AnyShape>"),
    ],
    "Parameter": [("name", "String"), ("shape", "AnyShape")],
    "Type": [("name", "String"), ("doc", "String"), ("closed", "bool"), ("form", "Form")],
    "Field": [("name", "String"), ("doc", "String"), ("shape", "AnyShape"), ("default", "bool")],
    "Variant": [("name", "String"), ("doc", "String"), ("fields", "Fields")],
}
LEAVES = "bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char string bytes unit raw"
KINDS = "procedure sequence procedure_with_items sequence_with_items notification raw"
ENUMS = {
    "Shape": [("Point", None), ("Circle", "f64"), ("Rect", "(u32, u32)"), ("Label", "Shape::Label")],
    "Kind": [(name, None) for name in KINDS.split()],
    "Form": [("struct", "Fields"), ("enum", "Vec<Variant>")],
    "Fields": [("unit", None), ("newtype", "AnyShape"), ("tuple", "Vec<AnyShape>"), ("named", "Vec<Field>")],
    # Clause 15.3.
    "AnyShape": [(name, None) for name in LEAVES.split()] + [
        ("option", "AnyShape"), ("seq", "AnyShape"), ("map", "(AnyShape, AnyShape)"), ("tuple", "Vec<AnyShape>"),
        ("array", "(AnyShape, u32)"), ("text_or", "AnyShape"), ("type", "String"), ("opaque", "String"),
    ],
}
MAX_DECODED_BYTES = 16 << 20
INTEGER = re.compile(r"([ui])(8|16|32|64|128)$")


def split(text):
    """The types of a list, cut at its outermost commas."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "<(") - (c in ">)")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def elements(kind):
    """The types of a tuple, or None for another type."""
    if kind == "no arguments":
        return []
    if match := re.match(r"(\d+) of (.*)", kind):
        return [match[2]] * int(match[1])
    return split(kind[1:-1]) if kind.startswith("(") and kind != "()" else None


def inner(kind, name):
    """The parameters of the generic type `name`, or None for another type."""
    return split(kind[len(name) + 1 : -1]) if kind.startswith(name + "<") else None


def size(kind):
    """What one element is charged at least (9.2)."""
    if match := INTEGER.match(kind):
        return int(match[2]) // 8
    return 1


def charge(count, *kinds):
    if count * sum(map(size, kinds)) > MAX_DECODED_BYTES:
        raise Refused("decoded_size")
    return count


def zigzag(n):
    return 2 * n if n >= 0 else -2 * n - 1


class Binary:
    """What bincode and postcard share; they differ in integers and characters."""

    def __init__(self, postcard):
        self.postcard = postcard

    def write_int(self, n):
        if self.postcard:
            out = bytearray()
            while n > 127:
                out.append(n & 127 | 128)
                n >>= 7
            return bytes(out) + bytes([n])
        if n < 251:
            return bytes([n])
        tag = next(tag for tag in (1, 2, 3, 4) if n < 1 << (8 << tag))
        return bytes([250 + tag]) + n.to_bytes(1 << tag, "little")

    def read_int(self, reader, bits=64):
        first = reader.take(1)[0]
        if self.postcard:
            n, shift = first & 127, 7
            while first & 128:
                if shift >= bits:
                    raise Refused("decode")
                first = reader.take(1)[0]
                n, shift = n | (first & 127) << shift, shift + 7
        elif first < 251:
            n = first
        elif first == 255 or 8 << first - 250 > bits:
            raise Refused("decode")
        else:
            n = int.from_bytes(reader.take(1 << first - 250), "little")
        if n >> bits:
            raise Refused("decode")
        return n

    def write(self, kind, v):
        if match := INTEGER.match(kind):
            v, signed, bits = int(v), match[1] == "i", int(match[2])
            return v.to_bytes(1, "little", signed=signed) if bits == 8 else self.write_int(zigzag(v) if signed else v)
        if (types := elements(kind)) is not None:
            return b"".join(map(self.write, types, v))
        if of := inner(kind, "Option"):
            return b"\x00" if v is None else b"\x01" + self.write(of[0], v)
        if of := inner(kind, "Vec"):
            return self.write_int(len(v)) + b"".join(self.write(of[0], x) for x in v)
        if of := inner(kind, "BTreeMap"):
            return self.write_int(len(v)) + b"".join(self.write(of[0], k) + self.write(of[1], x) for k, x in v.items())
        if fields := STRUCTS.get(kind):
            return b"".join(self.write(field, v[name]) for name, field in fields)
        if variants := ENUMS.get(kind):
            name, value = (v, None) if isinstance(v, str) else next(iter(v.items()))
            index, of = next((i, of) for i, (variant, of) in enumerate(variants) if variant == name)
            return self.write_int(index) + (self.write(of, value) if of else b"")
        match kind:
            case "Id":
                return self.write("u64", v)
            case "()":
                return b""
            case "bool":
                return bytes([v])
            case "f32" | "f64":
                return struct.pack("<f" if kind == "f32" else "<d", v)
            case "char" if not self.postcard:
                return v.encode()
            case "char" | "String":
                return self.write_int(len(v.encode())) + v.encode()
            case "Bytes":
                return self.write_int(len(v)) + bytes(v)
        raise ValueError(kind)

    def read(self, kind, reader):
        if match := INTEGER.match(kind):
            signed, bits = match[1] == "i", int(match[2])
            if bits == 8:
                return int.from_bytes(reader.take(1), "little", signed=signed)
            n = self.read_int(reader, bits)
            return n if not signed else n // 2 if n % 2 == 0 else -(n + 1) // 2
        if (types := elements(kind)) is not None:
            return [self.read(of, reader) for of in types]
        if of := inner(kind, "Option"):
            return self.read(of[0], reader) if self.tag(reader) else None
        if of := inner(kind, "Vec"):
            return [self.read(of[0], reader) for _ in range(charge(self.read_int(reader), *of))]
        if of := inner(kind, "BTreeMap"):
            count = charge(self.read_int(reader), *of)
            return {self.read(of[0], reader): self.read(of[1], reader) for _ in range(count)}
        if fields := STRUCTS.get(kind):
            return {name: self.read(field, reader) for name, field in fields}
        if variants := ENUMS.get(kind):
            index = self.read_int(reader, 32)
            if index >= len(variants):
                raise Refused("decode")
            name, of = variants[index]
            return {name: self.read(of, reader)} if of else name
        match kind:
            case "Id":
                return self.read("u64", reader)
            case "()":
                return None
            case "bool":
                return self.tag(reader)
            case "f32" | "f64":
                return struct.unpack("<f" if kind == "f32" else "<d", reader.take(4 if kind == "f32" else 8))[0]
            case "char" if not self.postcard:
                first = reader.take(1)
                more = next((n for n in (0, 1, 2, 3) if first[0] < (0x80, 0xE0, 0xF0, 0xF8)[n]), 0)
                return (first + reader.take(more)).decode()
            case "char" | "String":
                return reader.take(self.read_int(reader)).decode()
            case "Bytes":
                return list(reader.take(self.read_int(reader)))
        raise ValueError(kind)

    def tag(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Refused("decode")
        return byte == 1

    def encode(self, kind, value):
        return self.write(kind, value)

    def decode(self, kind, data):
        reader = Reader(data)
        value = self.read(kind, reader)
        if reader.left():
            raise Refused("trailing")
        return value


def fit(kind, v):
    """Checks what a self-describing codec has read against its type; a fixed-size float, bytes and so on as they are."""

    def need(condition):
        if not condition:
            raise Refused("decode")

    if match := INTEGER.match("u64" if kind == "Id" else kind):
        signed, bits = match[1] == "i", int(match[2])
        need(isinstance(v, int) and not isinstance(v, bool))
        need(-(1 << bits - 1) <= v < 1 << bits - 1 if signed else 0 <= v < 1 << bits)
    elif (types := elements(kind)) is not None:
        need(isinstance(v, list) and len(v) == len(types))
        return [fit(of, x) for of, x in zip(types, v)]
    elif of := inner(kind, "Option"):
        return None if v is None else fit(of[0], v)
    elif of := inner(kind, "Vec"):
        need(isinstance(v, list))
        return [fit(of[0], x) for x in v]
    elif of := inner(kind, "BTreeMap"):
        need(isinstance(v, dict))
        return {fit(of[0], k): fit(of[1], x) for k, x in v.items()}
    elif fields := STRUCTS.get(kind):
        need(isinstance(v, dict))
        return {name: fit(field, v.get(name)) for name, field in fields}
    elif variants := ENUMS.get(kind):
        name, value = (v, None) if isinstance(v, str) else next(iter(v.items())) if isinstance(v, dict) else (None, None)
        need(name in dict(variants))
        return {name: fit(of, value)} if (of := dict(variants)[name]) else name
    elif kind == "Bytes":
        need(isinstance(v, (bytes, list)))
        return list(v)
    else:
        wanted = {"()": type(None), "bool": bool, "f32": (float, int), "f64": (float, int)}.get(kind, str)
        need(isinstance(v, wanted))
    return v


class MessagePack:
    def encode(self, kind, v):
        if match := INTEGER.match("u64" if kind == "Id" else kind):
            return self.integer(int(v), int(match[2]))
        if (types := elements(kind)) is not None:
            return self.head(len(v), 0x90, 16, 0xDC) + b"".join(map(self.encode, types, v))
        if of := inner(kind, "Option"):
            return b"\xc0" if v is None else self.encode(of[0], v)
        if of := inner(kind, "Vec"):
            return self.head(len(v), 0x90, 16, 0xDC) + b"".join(self.encode(of[0], x) for x in v)
        if of := inner(kind, "BTreeMap"):
            return self.map((self.encode(of[0], k), self.encode(of[1], x)) for k, x in v.items())
        if fields := STRUCTS.get(kind):
            return self.map((self.encode("String", name), self.encode(field, v[name])) for name, field in fields)
        if (variants := ENUMS.get(kind)) and isinstance(v, dict):
            return self.map((self.encode("String", name), self.encode(dict(variants)[name], x)) for name, x in v.items())
        match kind:
            case "()":
                return b"\xc0"
            case "bool":
                return b"\xc3" if v else b"\xc2"
            case "f32" | "f64":
                return struct.pack(">Bf" if kind == "f32" else ">Bd", 0xCA if kind == "f32" else 0xCB, v)
            case "Bytes":
                return self.head(len(v), None, 0, 0xC4, one_byte=True) + bytes(v)
        text = v.encode()
        return self.head(len(text), 0xA0, 32, 0xD9, one_byte=True) + text

    def integer(self, n, bits):
        if bits == 128:
            return b"\xc4\x10" + n.to_bytes(16, "big", signed=n < 0)
        if -32 <= n < 128:
            return n.to_bytes(1, "big", signed=n < 0)
        for i in range(4):
            try:
                return bytes([(0xD0 if n < 0 else 0xCC) + i]) + n.to_bytes(1 << i, "big", signed=n < 0)
            except OverflowError:
                pass
        raise ValueError(n)

    def head(self, count, fix, below, marker, one_byte=False):
        if count < below:
            return bytes([fix | count])
        widths = (1, 2, 4) if one_byte else (2, 4)
        i, width = next((i, width) for i, width in enumerate(widths) if count < 1 << 8 * width)
        return bytes([marker + i]) + count.to_bytes(width, "big")

    def map(self, pairs):
        pairs = list(pairs)
        return self.head(len(pairs), 0x80, 16, 0xDE) + b"".join(key + value for key, value in pairs)

    def decode(self, kind, data):
        reader = Reader(data)
        value = self.any(reader)
        if reader.left():
            raise Refused("trailing")
        if isinstance(value, bytes) and kind in ("u128", "i128"):
            value = int.from_bytes(value, "big", signed=kind == "i128")
        return fit(kind, value)

    def any(self, reader):
        m = reader.take(1)[0]

        def number(width, signed=False):
            return int.from_bytes(reader.take(width), "big", signed=signed)

        def array(count):
            return [self.any(reader) for _ in range(charge(count, "()"))]

        def pairs(count):
            return {self.any(reader): self.any(reader) for _ in range(charge(count, "()"))}

        if m < 0x80 or m >= 0xE0:
            return m if m < 0x80 else m - 256
        if m < 0x90:
            return pairs(m & 15)
        if m < 0xA0:
            return array(m & 15)
        if m < 0xC0:
            return reader.take(m & 31).decode()
        if 0xC4 <= m <= 0xC6:
            return reader.take(number(1 << m - 0xC4))
        if m in (0xCA, 0xCB):
            return struct.unpack(">f" if m == 0xCA else ">d", reader.take(4 if m == 0xCA else 8))[0]
        if 0xCC <= m <= 0xD3:
            return number(1 << (m & 3), m >= 0xD0)
        if 0xD9 <= m <= 0xDB:
            return reader.take(number(1 << m - 0xD9)).decode()
        if m in (0xDC, 0xDD):
            return array(number(2 << m - 0xDC))
        if m in (0xDE, 0xDF):
            return pairs(number(2 << m - 0xDE))
        if m in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[m]
        raise Refused("decode")


class Json:
    def encode(self, kind, v):
        v = int(v) if INTEGER.match(kind) else v
        return json.dumps(v, separators=(",", ":"), ensure_ascii=False).encode()

    def decode(self, kind, data):
        def not_json(_):
            raise Refused("decode")

        text = data.decode()
        try:
            return fit(kind, json.loads(text, parse_constant=not_json))
        except json.JSONDecodeError as error:
            at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
            kinds = {True: "truncated", False: "decode"}
            raise Refused("trailing" if error.msg == "Extra data" else kinds[at_end]) from None


CODECS = {"bincode": Binary(postcard=False), "postcard": Binary(postcard=True), "messagepack": MessagePack(), "json": Json()}


def decode(codec, kind, data):
    try:
        return CODECS[codec].decode(kind, data)
    except Short:
        raise Refused("truncated") from None
    except UnicodeDecodeError:
        raise Refused("decode") from None


def encode(codec, kind, value):
    return CODECS[codec].encode(kind, value)
