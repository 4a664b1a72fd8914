"""Clause 15.4 in bincode: whether calls of a caller are understood by a callee, from their descriptions."""


class Reading:
    """What one side writes, read by the other."""

    def __init__(self, written, read):
        self.written = {it["name"]: it for it in written["types"]}
        self.read = {it["name"]: it for it in read["types"]}
        self.seen = set()

    def bare(self, shape, types):
        """A shape without newtypes and aliases; None for a name that leads nowhere."""
        for _ in range(len(types) + 2):
            if isinstance(shape, dict) and "text_or" in shape:
                shape = shape["text_or"]
            elif isinstance(shape, dict) and "type" in shape:
                form = types.get(shape["type"], {"form": None})["form"]
                if form is None:
                    return None
                fields = form.get("struct")
                if isinstance(fields, dict) and "newtype" in fields:
                    shape = fields["newtype"]
                elif isinstance(fields, dict) and "tuple" in fields:
                    return {"tuple": fields["tuple"]}
                else:
                    return form
            elif isinstance(shape, dict) and "array" in shape:
                return {"tuple": [shape["array"][0]] * shape["array"][1]}
            else:
                return shape
        return None

    def shapes(self, written, read):
        key = (str(written), str(read))
        if key in self.seen:
            return True
        self.seen.add(key)
        one, other = self.bare(written, self.written), self.bare(read, self.read)
        if one is None or other is None:
            return False
        if any(isinstance(it, dict) and "opaque" in it for it in (one, other)):
            return True
        if isinstance(one, str) or isinstance(other, str):
            return one == other
        [(kind, one)], [(other_kind, other)] = one.items(), other.items()
        if kind != other_kind:
            return False
        if kind == "enum":
            return len(one) <= len(other) and all(
                it["name"] == its["name"] and self.fields(it["fields"], its["fields"]) for it, its in zip(one, other)
            )
        if kind == "struct":
            return self.fields(one, other)
        if kind in ("tuple", "map"):
            return len(one) == len(other) and all(map(self.shapes, one, other))
        return self.shapes(one, other)

    def fields(self, one, other):
        if isinstance(one, str) or isinstance(other, str):
            return one == other
        [(kind, one)], [(other_kind, other)] = one.items(), other.items()
        if kind != other_kind:
            return False
        if kind == "newtype":
            return self.shapes(one, other)
        if len(one) != len(other):
            return False
        if kind == "tuple":
            return all(map(self.shapes, one, other))
        return all(it["name"] == its["name"] and self.shapes(it["shape"], its["shape"]) for it, its in zip(one, other))


def understood(caller, callee):
    """Whether every call of the caller's is."""
    offered = {it["index"]: it for it in callee["methods"]}
    return all(it["index"] in offered and method(caller, callee, it, offered[it["index"]]) for it in caller["methods"])


def method(caller, callee, one, other):
    if one["kind"] != other["kind"] or (one["datagram"] and not other["datagram"]):
        return False
    if len(one["parameters"]) != len(other["parameters"]):
        return False
    asked = [(it["shape"], its["shape"]) for it, its in zip(one["parameters"], other["parameters"])]
    asked.append((one["items"], other["items"]))
    answered = [(other["answer"], one["answer"]), (other["error"], one["error"])]
    return all(
        (written is None) == (read is None) and (written is None or Reading(writer, reader).shapes(written, read))
        for writer, reader, pairs in ((caller, callee, asked), (callee, caller, answered))
        for written, read in pairs
    )
