"""The cases of the Autobahn test suite, run from Python 3.

The suite is written in Python 2 and was last released so that it runs there; no distribution has that any more. Its cases are
small: what they send and what they expect. They are read where it is installed, as they are, and executed with what they
take for granted: text is bytes (`Text`), `/` of integers is one, a module imports its neighbours by their bare names. What
speaks the protocol is Autobahn in the release that the suite names. What is written here anew is only what runs one case after
another, which in the suite is `fuzzing.py`, to the letter where it has an effect on the peer.

    autobahn_suite.py URL SECTION...     prints {case: {"behavior": …, "behaviorClose": …, "result": …, "resultClose": …}}
"""

import builtins
import importlib.util
import io
import json
import pathlib
import re
import sys
import tokenize
import types

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet import reactor


class Text(bytes):
    """A string of Python 2: bytes, whose elements are such strings."""

    def __iter__(self):
        return (self[at] for at in range(len(self)))

    def __getitem__(self, at):
        if isinstance(at, int):
            at = slice(at, at + 1 or None)
        return Text(bytes.__getitem__(self, at))

    def __add__(self, other):
        return Text(bytes(self) + other)

    def __mul__(self, times):
        return Text(bytes(self) * times)

    def __mod__(self, values):
        values = values if isinstance(values, tuple) else (values,)
        return Text((native(self) % tuple(map(native, values))).encode("latin-1"))

    def join(self, parts):
        return Text(bytes.join(self, (part.encode() if isinstance(part, str) else part for part in parts)))


def native(value):
    """What Python 3 takes for text, where this is one."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def class_of(name, bases, members):
    """`type` with three arguments: the names in it are text of Python 2, and the classes know no order of resolution."""
    bases = tuple(base for base in bases if base is not object)
    return type(native(name), bases, {native(name): member for name, member in members.items()})


def literal(source):
    """A literal of Python 2, in the ASCII of one of Python 3."""
    escaped = "".join(f"\\x{byte:02x}" if byte > 127 else chr(byte) for byte in source.encode())
    return f"Text(b{escaped})"


def translated(source):
    """The source of a module with its literals as `Text`."""
    # Checks of the suite's own tables, which nothing calls.
    source = re.sub(r"^(\s*)print\b.*$", r"\1pass", source, flags=re.MULTILINE)
    lines = source.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    # From the end, so that places before stay what they are.
    for token in reversed(tokens):
        if token.type == tokenize.STRING and token.string[0] not in "uU":
            new = literal(token.string)
        elif token.type == tokenize.OP and token.string == "/":
            new = "//"
        else:
            continue
        (first, start), (last, end) = token.start, token.end
        before, after = lines[first - 1][:start], lines[last - 1][end:]
        lines[first - 1 : last] = [before + new + after]
    return "".join(lines)


class Utf8Validator(Utf8Validator):
    """Autobahn's, which some cases are made by, for text of Python 2."""

    __module__ = Utf8Validator.__module__

    def validate(self, text):
        return super().validate(bytes(text))


class Suite:
    """The modules of the package, by the names they call each other."""

    def __init__(self):
        self.modules = {}
        # Found without being run.
        [package] = importlib.util.find_spec("autobahntestsuite").submodule_search_locations
        self.sources = {file.stem: file.read_text("utf-8") for file in pathlib.Path(package, "case").glob("*.py")}

    def cases(self, sections):
        """The classes of all cases of the sections, in their order."""
        cases = {}
        for name in self.sources:
            # Compression and loads are no sections of ours, and take what is not there.
            if re.match(rf"case({'|'.join(sections)})_", name):
                for value in vars(self.module(name)).values():
                    for case in value if isinstance(value, list) else [value]:
                        found = re.fullmatch(r"Case(\d+(?:_\d+)+)", getattr(case, "__name__", ""))
                        if found:
                            cases[tuple(map(int, found[1].split("_")))] = case
        return dict(sorted(cases.items()))

    def module(self, name):
        if name not in self.modules:
            module = self.modules[name] = types.ModuleType(name)
            taken_for_granted = {
                "Text": Text,
                "type": class_of,
                "xrange": range,
                "chr": lambda code: Text([code]),
                "__import__": self.imported,
            }
            module.__builtins__ = vars(builtins) | taken_for_granted
            exec(compile(translated(self.sources[name]), f"{name}.py", "exec"), vars(module))
        return self.modules[name]

    def imported(self, name, *scope):
        """`import`: a neighbour first, as in Python 2."""
        if name in self.sources:
            return self.module(name)
        return sys.modules[__name__] if name == Utf8Validator.__module__ else __import__(name, *scope)


class Fuzzer(WebSocketClientProtocol):
    """One connection, for one case."""

    connectionWasOpen = False

    def connectionMade(self):
        self.txFrameStats = {}
        self.rxFrameStats = {}
        super().connectionMade()

    def onOpen(self):
        self.connectionWasOpen = True
        self.runCase.onOpen()

    def onMessage(self, payload, isBinary):
        self.runCase.onMessage(payload, isBinary)

    def onPong(self, payload):
        self.runCase.onPong(payload)

    def onClose(self, wasClean, code, reason):
        self.runCase.onClose(wasClean, code, reason)

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.runCase.onConnectionLost(self.failedByMe)
        self.factory.ended(self.runCase)

    # Autobahn takes bytes for what they are in Python 3.

    def sendFrame(self, opcode, payload=b"", **options):
        super().sendFrame(opcode, bytes(payload), **options)

    def sendMessage(self, payload, *options, **named):
        super().sendMessage(bytes(payload), *options, **named)

    def sendMessageFrameData(self, payload, *options, **named):
        return super().sendMessageFrameData(bytes(payload), *options, **named)

    def sendCloseFrame(self, code=None, reasonUtf8=None, **options):
        # It answers with the reason that it decoded.
        reason = reasonUtf8.encode() if isinstance(reasonUtf8, str) else reasonUtf8
        super().sendCloseFrame(code, reason and bytes(reason), **options)

    def logTxFrame(self, header, *_):
        self.txFrameStats[header.opcode] = self.txFrameStats.get(header.opcode, 0) + 1

    def logRxFrame(self, header, _):
        self.rxFrameStats[header.opcode] = self.rxFrameStats.get(header.opcode, 0) + 1

    def logTxOctets(self, *_):
        pass

    def logRxOctets(self, *_):
        pass

    def enableWirelog(self, _):
        pass

    def continueLater(self, delay, then, _tag=None):
        self.later(delay, then)

    def killAfter(self, delay):
        self.later(delay, self.failConnection)

    def closeAfter(self, delay):
        self.later(delay, self.sendClose)

    def later(self, delay, then):
        reactor.callLater(delay, lambda: None if self.state == self.STATE_CLOSED else then())


class Fuzz(WebSocketClientFactory):
    """Connects once for each case."""

    def __init__(self, url, cases):
        super().__init__(url)
        self.setProtocolOptions(failByDrop=False)
        self.logOctets = self.logFrames = True
        self.cases = iter(cases.items())
        self.results = {}
        self.next()

    def next(self):
        self.current = next(self.cases, None)
        return self.current is not None

    def buildProtocol(self, _):
        protocol = Fuzzer()
        protocol.factory = self
        protocol.runCase = self.current[1](protocol)
        return protocol

    def ended(self, case):
        said = [case.behavior, case.behaviorClose, case.result, case.resultClose]
        names = ["behavior", "behaviorClose", "result", "resultClose"]
        identifier = ".".join(map(str, self.current[0]))
        self.results[identifier] = dict(zip(names, map(native, said)))

    def clientConnectionLost(self, connector, _):
        if self.next():
            connector.connect()
        else:
            reactor.stop()

    def clientConnectionFailed(self, _, reason):
        print(reason.getErrorMessage(), file=sys.stderr)
        reactor.stop()


def main(url, *sections):
    suite = Suite()
    # Theirs compares pickles, which tell the same bytes apart by where they were made.
    suite.module("case").Case.compare = lambda _, one, other: one == other
    fuzz = Fuzz(url, suite.cases(sections))
    connectWS(fuzz)
    reactor.run()
    json.dump(fuzz.results, sys.stdout)


main(*sys.argv[1:])
