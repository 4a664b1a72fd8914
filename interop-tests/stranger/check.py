#!/usr/bin/env python3
"""Checks every vector of docs/vectors with an implementation that shares nothing with ours.

It is written from docs/protocol.md, draft-ietf-quic-qmux-02, RFC 9000 and RFC 9221 alone, with the standard library
of Python 3.11: what a stranger understands from them has to be what the vectors say, or one of them is wrong.

    python3 interop-tests/stranger/check.py
"""

import json
import pathlib
import sys

import compatible
import ipfi_1
import qmux
import values
from ipfi_1 import LIMITS, Reader, Refused, Short

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Clauses 13.1 and 13.2: the status an error leads to in a request and in a response, or the close code.
INVALID, EXHAUSTED = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"
STATUSES = {
    (INVALID, None): "header-priority header-ended no-arguments status-in-request",
    ("UNIMPLEMENTED", None): "header-reserved-flag",
    (INVALID, "INTERNAL"): "fragment-empty metadata-inside-message end-inside-item end-inside-message"
    " metadata-key-length metadata-key-byte metadata-truncated",
    (EXHAUSTED, EXHAUSTED): "metadata-too-large metadata-too-many-entries message-too-large",
    (None, "INTERNAL"): "metadata-not-first after-status status-malformed",
    (None, EXHAUSTED): "status-too-large",
}
STATUS = {error: codes for codes, errors in STATUSES.items() for error in errors.split()}
CLOSE = {"control-not-ipfi": "VERSION", "control-version": "VERSION"}


def told(value):
    """As the vectors tell a value: integers from 2^53 on are strings of digits."""
    match value:
        case dict():
            return {key: told(item) for key, item in value.items()}
        case list():
            return [told(item) for item in value]
        case int() if not isinstance(value, bool) and value >= 1 << 53:
            return str(value)
    return value


def expect(what, seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")


def verify(vector, read, write, direction=None):
    """Reads; then the value and its bytes are those of the vector, or the error and all that follows from it."""
    data, parts = bytes.fromhex(vector["hex"]), []
    try:
        value = read(data, parts)
    except Refused as refused:
        allowed = {vector[key] for key in ("error", "or_error", "may_reject") if key in vector}
        expect("error", refused.name, refused.name if refused.name in allowed else allowed)
        expect("what came before the error", told(parts), vector.get("parts", told(parts)))
        if "status" in vector:
            expect("status", STATUS[refused.name][direction == "response"], vector["status"])
        if "close" in vector:
            expect("close", CLOSE.get(refused.name, "PROTOCOL"), vector["close"])
        return
    expect("error", None, vector.get("error"))
    expect("value", told(value), vector["value"])
    if vector.get("canonical", True):
        expect("bytes", write(value).hex(), vector["hex"])


def streamed(vector, read, write, direction=None):
    """The same; and an input that was cut is never refused for another reason than the whole."""

    def whole(data, parts):
        read(data, vector.get("fin", False), parts)
        return parts

    verify(vector, whole, write, direction)
    data = bytes.fromhex(vector["hex"])
    # Some are kilobytes of zeros, in which one cut is like the next.
    for end in range(min(len(data), 256)):
        try:
            read(data[:end], False, [])
        except Refused as refused:
            expect(f"error after {end} bytes", refused.name, vector.get("error"))


def one(read, short):
    """Reads from the whole of the bytes, which are `short` if they do not suffice."""

    def reading(data, _):
        reader = Reader(data)
        try:
            value = read(reader)
        except Short:
            raise Refused(short) from None
        expect("bytes left over", reader.left(), 0)
        return value

    return reading


def varint(vector):
    verify(vector, one(Reader.int, "incomplete"), ipfi_1.integer)


def metadata(vector):
    limits = LIMITS | vector.get("limits", {})
    verify(vector, lambda data, _: ipfi_1.read_metadata(data, limits), ipfi_1.write_metadata)


def header(vector):
    verify(vector, one(lambda reader: ipfi_1.read_header(reader, LIMITS), "header-ended"), ipfi_1.write_header)


def status(vector):
    verify(vector, lambda data, _: ipfi_1.read_status(data), ipfi_1.write_status, "response")


def items(vector):
    limits, direction = LIMITS | vector.get("limits", {}), vector["direction"]
    read = lambda data, fin, parts: ipfi_1.read_items(data, direction, fin, limits, parts)
    streamed(vector, read, ipfi_1.write_items, direction)


def control(vector):
    streamed(vector, ipfi_1.read_control, ipfi_1.write_control)


def procedures(vector):
    index = ipfi_1.procedure_index(vector["interface"], vector["method"])
    expect("index", (index, ipfi_1.integer(index).hex()), (vector["value"], vector["hex"]))


def qmux_frames(vector):
    match vector["of"]:
        case "frame":
            verify(vector, lambda data, _: qmux.read_frames(data)[0], qmux.write_frame)
        case "record":
            most = vector.get("max_record_size", qmux.Server.RECORD)
            write = lambda frames: ipfi_1.sized(b"".join(map(qmux.write_frame, frames)))
            verify(vector, one(lambda reader: qmux.read_record(reader, most), "incomplete"), write)
        case "connection":
            verify(vector, lambda data, _: qmux.Server().receive(data), None)


def codec_value(vector):
    for codec in values.CODECS:
        data = vector[codec].encode() if codec == "json" else bytes.fromhex(vector[codec])
        expect(f"{codec}, bytes", values.encode(codec, vector["type"], vector["value"]), data)
        value = values.decode(codec, vector["type"], data)
        expect(f"{codec}, value", values.encode(codec, vector["type"], value), data)


def codec_bytes(vector):
    return vector["text"].encode() if "text" in vector else bytes.fromhex(vector["hex"])


def codec_accepted(vector):
    expect("value", values.decode(vector["codec"], vector["type"], codec_bytes(vector)), vector["value"])


def codec_rejected(vector):
    data = codec_bytes(vector)
    try:
        values.decode(vector["codec"], vector["type"], data)
    except Refused as refused:
        expect("error", refused.name, vector["error"])
    else:
        raise AssertionError(f"taken instead of {vector['error']}")


def compatible_pair(vector):
    understood = compatible.understood(vector["caller"], vector["callee"])
    expect("understood", understood, vector["mismatches"] == [])


FAMILIES = {f.__name__: {"vectors": f} for f in (varint, metadata, header, status, items, control, procedures, qmux_frames)}
FAMILIES["codecs"] = {"values": codec_value, "arguments": codec_value}
FAMILIES["descriptions"] = {"values": codec_value}
FAMILIES["compatible"] = {"pairs": compatible_pair}
FAMILIES["codecs"] |= {"accepted": codec_accepted, "rejected": codec_rejected}


def main():
    files = sorted((ROOT / "docs" / "vectors").glob("*.json"))
    # A family that nobody checks, or a check without vectors, would show nothing.
    expect("families", [file.stem for file in files], sorted(FAMILIES))
    checked, wrong = 0, []
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        for part, check in FAMILIES[file.stem].items():
            for vector in content[part]:
                checked += 1
                try:
                    check(vector)
                except Exception as error:
                    wrong.append(f"{file.name}: {vector['name']}: {type(error).__name__}: {error}")
    print("\n".join(wrong) or f"{checked} vectors of {len(files)} families are what docs/protocol.md says")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
