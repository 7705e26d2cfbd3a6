"""Everything that can go wrong, by name. `retry` says whether the same request may succeed later by itself."""


class OtaError(Exception):
    retry = False


class LinkError(OtaError):
    """The link was cut, timed out, or is not there."""

    retry = True


class ProtocolError(OtaError):
    """The other end does not speak its protocol, or contradicts itself."""


class HttpError(OtaError):
    """An HTTP status that is no answer to what was asked. `status` is its number."""

    NAMES = {204: "no content", 301: "moved", 302: "moved", 303: "moved", 304: "not modified", 307: "moved",
             308: "moved", 400: "bad request", 401: "unauthorized", 403: "forbidden", 404: "not found",
             405: "method not allowed", 406: "not acceptable", 408: "request timeout", 410: "gone",
             412: "precondition failed", 416: "range not satisfiable", 429: "too many requests",
             500: "server error", 501: "not implemented", 502: "bad gateway", 503: "unavailable",
             504: "gateway timeout"}

    def __init__(self, status, name):
        super().__init__("%d %s: %s" % (status, self.NAMES.get(status, "unexpected status"), name))
        self.status = status
        self.retry = status in (408, 429) or status >= 500


class SmpError(OtaError):
    """A return code of SMP. `code` is its number, which each `group` has its own of; 0 is what all have."""

    NAMES = {1: "unknown error", 2: "no memory", 3: "invalid", 4: "timeout", 5: "no entry", 6: "bad state",
             7: "message too long", 8: "not supported", 9: "corrupt", 10: "busy", 11: "access denied"}
    FILES = {1: "unknown error", 2: "invalid name", 3: "no entry", 7: "read failed", 11: "offset not valid",
             12: "offset beyond the end"}

    def __init__(self, code, name, group=0):
        names = {0: self.NAMES, 8: self.FILES}.get(group, {})
        super().__init__("SMP %d %s: %s" % (code, names.get(code, "error of group %s" % group), name))
        self.code = code
        self.group = group
        self.retry = (group, code) in ((0, 2), (0, 4), (0, 10), (8, 7))

    def means(self, *meanings):
        """Whether it is one of these: (group, code)."""
        return (self.group, self.code) in meanings


class RangeError(OtaError):
    """Nothing begins at the offset that was asked for. `total`: the whole length, None when it was not told."""

    retry = True

    def __init__(self, total):
        super().__init__("the offset lies past the end of the file")
        self.total = total


class ManifestError(OtaError):
    """The manifest is not one, or larger than allowed."""


class PathError(ManifestError):
    """A path in the manifest that this device does not write to."""


class HashError(OtaError):
    """What was fetched is not what the manifest announced."""


class SizeError(OtaError):
    """Larger than the configured limit."""


class SpaceError(OtaError):
    """The file system has no room for it."""


class FirmwareError(OtaError):
    """There is firmware in the manifest, and nobody here who can write it, or who refused it."""


class InstallError(OtaError):
    """Replacing files failed; what was replaced has been put back."""


class StateError(OtaError):
    """Not in this phase: boot(), confirm() or rollback() comes first."""
