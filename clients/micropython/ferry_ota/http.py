"""One HTTP request and its answer over a connected socket. Every line, number and wait has a bound; a length is
believed as far as it agrees with itself, and what it promises has to come."""
from .errors import HttpError, LinkError, ProtocolError, RangeError
from .transport import Body

_LINE = 512
_LINES = 64
_TAG = 100


class _Head:
    def __init__(self):
        self.status = 0
        self.length = None
        self.chunked = False
        self.tag = ""
        self.range = ""


def get(stream, authority, name, offset, tag, deadline):
    """An HttpBody. Takes the socket: it is closed by the body, or here when this raises HttpError and friends; an
    OSError is left to the caller with the socket."""
    request = ["GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" % (name, authority)]
    if offset:
        request.append("Range: bytes=%d-\r\n" % offset)
        if tag:
            request.append("If-Range: %s\r\n" % tag)
    request.append("\r\n")
    _send(stream, "".join(request).encode(), deadline)
    lines = _Lines(stream, deadline)
    head = _read_head(lines)
    start, total, length = _span(head, name, offset)
    return HttpBody(stream, lines, head, start, total, length)


def _send(stream, data, deadline):
    view = memoryview(data)
    while len(view):
        deadline.check("sending a request")
        sent = stream.send(view)
        view = view[sent:]


class _Lines:
    """The socket as a stream of lines and bytes."""

    def __init__(self, stream, deadline):
        self.stream = stream.makefile("rb", 0)
        self.deadline = deadline

    def line(self):
        """Without its end. Bounded in length."""
        self.deadline.check("an answer")
        line = self.stream.readline(_LINE + 2)
        if not line or not line.endswith(b"\n"):
            if line and len(line) == _LINE + 2:
                raise ProtocolError("a header line longer than %d bytes" % _LINE)
            raise LinkError("the link was cut in the header")
        return line.rstrip()

    def readinto(self, view):
        self.deadline.check("an answer")
        try:
            count = self.stream.readinto(view)
        except OSError as error:
            raise LinkError("the link was cut: %s" % error) from None
        if count is None:
            raise LinkError("the link fell silent")
        return count


def _read_head(lines):
    for _ in range(4):
        head = _one_head(lines)
        if head.status >= 200:
            return head
    raise ProtocolError("only interim answers")


def _one_head(lines):
    first = lines.line()
    if not first.startswith(b"HTTP/1.") or len(first) < 12 or first[8:9] != b" " or not first[9:12].isdigit():
        raise ProtocolError("the answer is not HTTP/1")
    head = _Head()
    head.status = int(first[9:12])
    for _ in range(_LINES):
        line = lines.line()
        if not line:
            return head
        _field(head, line)
    raise ProtocolError("more than %d header lines" % _LINES)


def _field(head, line):
    colon = line.find(b":")
    if colon < 1:
        raise ProtocolError("a header line without a name")
    name, value = line[:colon].lower(), line[colon + 1:].strip()
    if name == b"content-length":
        length = _number(value)
        if head.length not in (None, length):
            raise ProtocolError("two lengths for one answer")
        head.length = length
    elif name == b"transfer-encoding":
        if value.lower() != b"chunked":
            raise ProtocolError("a transfer coding that is not understood")
        head.chunked = True
    elif name == b"content-encoding":
        if value.lower() != b"identity":
            raise ProtocolError("a content coding that was not asked for")
    elif name == b"content-range":
        head.range = value.decode()
    elif name == b"etag" and _is_strong_tag(value):
        head.tag = value.decode()


def _is_strong_tag(value):
    """A weak tag, or one that could end the header line it goes into later, is as good as none."""
    if not 2 < len(value) <= _TAG or value[0] != 0x22 or value[-1] != 0x22:
        return False
    for byte in value:
        if not 0x21 <= byte <= 0x7E:
            return False
    return True


def _number(text):
    """At most 10 digits: what this fetches is no larger."""
    if not 0 < len(text) <= 10 or not text.isdigit():
        raise ProtocolError("a length that is no number")
    return int(text)


def _span(head, name, offset):
    """(start, total or None, bytes of this answer or None) of an answer that can be used."""
    if head.status == 200:
        length = None if head.chunked else head.length
        return 0, length, length
    if head.status == 416:
        total = head.range[8:] if head.range.startswith("bytes */") else ""
        raise RangeError(_number(total.encode()) if total else None)
    if head.status != 206:
        raise HttpError(head.status, name)
    text = head.range
    dash, slash = text.find("-"), text.find("/")
    if not text.startswith("bytes ") or not 6 < dash < slash - 1:
        raise ProtocolError("a part without a range")
    start = _number(text[6:dash].encode())
    end = _number(text[dash + 1:slash].encode()) + 1
    total = None if text[slash + 1:] == "*" else _number(text[slash + 1:].encode())
    if start != offset or end <= start or total is not None and end > total:
        raise ProtocolError("another range than was asked for: " + text)
    if head.length not in (None, end - start) and not head.chunked:
        raise ProtocolError("a length that contradicts its range")
    return start, total, end - start


class HttpBody(Body):
    """`length`: bytes that must come; None: until the connection is closed, or the last chunk."""

    def __init__(self, stream, lines, head, start, total, length):
        self._stream = stream
        self._lines = lines
        self._left = length
        self._chunked = head.chunked
        self._chunk = 0  # bytes left of it; -1 after the last one
        self._first = True
        self.start = start
        self.total = total
        self.tag = head.tag

    def close(self):
        self._lines.stream.close()
        self._stream.close()

    def readinto(self, view):
        if self._chunked:
            return self._read_chunked(view)
        if self._left is None:
            return self._lines.readinto(view)
        return self._read_counted(view)

    def _read_counted(self, view):
        if not self._left:
            return 0
        if len(view) > self._left:
            view = view[:self._left]
        count = self._lines.readinto(view)
        if not count:
            raise LinkError("the link was cut %d bytes before the end" % self._left)
        self._left -= count
        return count

    def _read_chunked(self, view):
        if not self._chunk:
            self._next_chunk()
        if self._chunk < 0:
            if self._left:
                raise ProtocolError("fewer bytes than the range promises")
            return 0
        if self._left == 0:
            raise ProtocolError("more bytes than the range promises")
        count = self._lines.readinto(view if len(view) <= self._chunk else view[:self._chunk])
        if not count:
            raise LinkError("the link was cut within a chunk")
        self._chunk -= count
        if self._left is not None:
            self._left -= count
            if self._left < 0:
                raise ProtocolError("more bytes than the range promises")
        return count

    def _next_chunk(self):
        if not self._first and self._line():
            raise ProtocolError("a chunk without an end")
        self._first = False
        line = self._line()
        end = line.find(b";")
        size = (line if end < 0 else line[:end]).strip()
        if not 0 < len(size) <= 8:
            raise ProtocolError("a chunk without a size")
        try:
            self._chunk = int(size, 16)
        except ValueError:
            raise ProtocolError("a chunk without a size") from None
        if self._chunk < 0:
            raise ProtocolError("a chunk without a size")
        if not self._chunk:
            for _ in range(_LINES):  # trailers
                if not self._line():
                    self._chunk = -1
                    return
            raise ProtocolError("more than %d trailers" % _LINES)

    def _line(self):
        try:
            return self._lines.line()
        except OSError as error:
            raise LinkError("the link was cut: %s" % error) from None
