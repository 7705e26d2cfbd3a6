"""Reads a manifest as the gateway's `pycom` dialect writes it, byte by byte from a file, into a plan. Nothing of it is
held but one text at a time; each has a bound, and so have depth and number."""
from . import digest, paths, plan
from .errors import ManifestError

_SPACE = b" \t\r\n"
_ESCAPES = {0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9}
_DEEPEST = 8
_LONGEST = 320
_VERSION = 64
_FIELDS = ("delete", "new", "update", "version", "previous_version", "firmware")
_MANDATORY = 0b1111


class _Json:
    """A reader of JSON (RFC 8259) that is told what to expect. `source`: an open file."""

    def __init__(self, source, view):
        self._source = source
        self._view = view
        self._count = 0
        self._at = 0
        self._text = bytearray(_LONGEST)

    def _byte(self):
        """The next byte without taking it; -1 at the end."""
        if self._at == self._count:
            self._count = self._source.readinto(self._view) or 0
            self._at = 0
            if not self._count:
                return -1
        return self._view[self._at]

    def peek(self):
        """The next byte that is no white space."""
        byte = self._byte()
        while byte >= 0 and byte in _SPACE:
            self._at += 1
            byte = self._byte()
        return byte

    def take(self, wanted):
        """Whether the next byte that is no white space is `wanted`; then it is gone."""
        if self.peek() != ord(wanted):
            return False
        self._at += 1
        return True

    def expect(self, wanted):
        if not self.take(wanted):
            raise ManifestError("'%s' expected in the manifest" % wanted)

    def word(self):
        """null, true, false or a number, as bytes."""
        self.peek()
        text, length = self._text, 0
        byte = self._byte()
        while 0x30 <= byte <= 0x39 or 0x61 <= byte <= 0x7A or byte >= 0 and byte in b"+-.E":
            if length == 40:
                raise ManifestError("a word in the manifest is too long")
            text[length] = byte
            length += 1
            self._at += 1
            byte = self._byte()
        if not length:
            raise ManifestError("the manifest ends early or is no JSON")
        return bytes(text[:length])

    def _escape(self):
        byte = self._byte()
        self._at += 1
        if byte in _ESCAPES:
            return _ESCAPES[byte]
        if byte != 0x75:
            raise ManifestError("an escape in the manifest is no JSON")
        code = 0
        for _ in range(4):
            digit = "0123456789abcdef".find(chr(max(self._byte(), 0)).lower())
            if digit < 0:
                raise ManifestError("an escape in the manifest is no JSON")
            code = code << 4 | digit
            self._at += 1
        # Nothing that this device takes from a manifest has other letters; a mark that is refused wherever it counts.
        return code if code < 0x80 else 0x7F

    def string(self):
        self.expect('"')
        text, length = self._text, 0
        byte = self._byte()
        while byte != 0x22:
            if byte < 0x20:
                raise ManifestError("a text in the manifest does not end")
            if length == len(text):
                raise ManifestError("a text in the manifest is longer than %d bytes" % _LONGEST)
            self._at += 1
            text[length] = self._escape() if byte == 0x5C else byte
            length += 1
            byte = self._byte()
        self._at += 1
        try:
            return bytes(text[:length]).decode()
        except UnicodeError:
            raise ManifestError("a text in the manifest is no UTF-8") from None

    def members(self):
        """Yields the keys of an object; the caller takes each value."""
        self.expect("{")
        if self.take("}"):
            return
        while True:
            key = self.string()
            self.expect(":")
            yield key
            if self.take("}"):
                return
            self.expect(",")

    def items(self):
        """Yields once for each item of an array; the caller takes it."""
        self.expect("[")
        if self.take("]"):
            return
        while True:
            yield
            if self.take("]"):
                return
            self.expect(",")

    def skip(self, depth=0):
        """Any value."""
        if depth > _DEEPEST:
            raise ManifestError("the manifest is nested too deeply")
        byte = self.peek()
        if byte == 0x7B:
            for _ in self.members():
                self.skip(depth + 1)
        elif byte == 0x5B:
            for _ in self.items():
                self.skip(depth + 1)
        elif byte == 0x22:
            self.string()
        else:
            self.word()


class Manifest:
    """`version` and `previous` as the manifest says; previous is "" when it does not."""

    def __init__(self):
        self.version = ""
        self.previous = ""


class Reader:
    """`name_of(url)`: what the transport is asked for. `path_limit`, `url_limit`: in letters. `protected`: paths that
    no manifest may touch."""

    def __init__(self, name_of, path_limit, url_limit, protected):
        self._name_of = name_of
        self._path_limit = path_limit
        self._url_limit = url_limit
        self._protected = protected

    def read(self, source, view, out):
        """Writes the entries to the PlanWriter `out`. None when the manifest is `null`: nothing newer."""
        json = _Json(source, view)
        manifest = None
        if json.peek() == 0x7B:
            manifest = Manifest()
            self._object(json, manifest, out)
        elif json.word() != b"null":
            raise ManifestError("the manifest is neither an object nor null")
        if json.peek() >= 0:
            raise ManifestError("something follows the manifest")
        return manifest

    def _object(self, json, manifest, out):
        seen = 0
        for key in json.members():
            if key not in _FIELDS:
                json.skip()
                continue
            bit = 1 << _FIELDS.index(key)
            if seen & bit:
                raise ManifestError("the manifest has %s twice" % key)
            seen |= bit
            self._field(json, key, manifest, out)
        if seen & _MANDATORY != _MANDATORY:
            raise ManifestError("the manifest lacks delete, new, update or version")

    def _field(self, json, key, manifest, out):
        if key == "delete":
            for _ in json.items():
                out.add(plan.DELETE, self._path(json.string()), "", "")
        elif key in ("new", "update"):
            for _ in json.items():
                self._file(json, plan.WRITE, out)
        elif json.peek() == ord("n") and key in ("firmware", "previous_version"):
            json.skip()
        elif key == "firmware":
            self._file(json, plan.FIRMWARE, out)
        elif key == "version":
            manifest.version = _version(json.string())
        else:
            manifest.previous = _version(json.string())

    def _file(self, json, kind, out):
        url = path = hash_text = ""
        for key in json.members():
            if key == "URL":
                url = json.string()
            elif key == "dst_path":
                path = json.string()
            elif key == "hash":
                hash_text = json.string().lower()
            else:
                json.skip()
        if not digest.is_hash(hash_text):
            raise ManifestError("a hash in the manifest is neither SHA-1 nor SHA-256: %r" % hash_text)
        if kind == plan.WRITE:
            path = self._path(path)
        else:
            path = ""
        out.add(kind, path, self._name_of(url, self._url_limit), hash_text)

    def _path(self, text):
        return paths.checked(text, self._path_limit, self._protected)


def _version(text):
    """A version goes into a URL and into the journal."""
    if not 0 < len(text) <= _VERSION:
        raise ManifestError("a version of %d letters in the manifest" % len(text))
    for letter in text:
        if not (letter.isdigit() or letter.isalpha() or letter in "._+~-") or ord(letter) > 0x7E:
            raise ManifestError("a version with a letter that is not allowed: %r" % text)
    return text
