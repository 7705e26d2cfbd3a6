"""Which names from outside may become paths here. They are hostile: nothing leaves the root, nothing reaches this
library's own folder, and nothing means another file on a file system that folds case, ends or short names (FAT)."""
from .errors import PathError, ProtocolError
from .files import PART

_FORBIDDEN = '\\:*?"<>|'


def _check_part(part, text):
    if part in ("", ".", ".."):
        raise PathError("path with an empty part or dots: %r" % text)
    if part[-1] in ". ":
        raise PathError("path whose part ends in a dot or space: %r" % text)
    for position, letter in enumerate(part):
        if not " " <= letter <= "~" or letter in _FORBIDDEN:
            raise PathError("path with a letter that is not allowed: %r" % text)
        if letter == "~" and part[position + 1:position + 2].isdigit():
            raise PathError("path that may be a short name of another: %r" % text)


def below(path, folder):
    """Whether a path is a folder or lies in it, on file systems that fold case as well."""
    path, folder = path.lower(), folder.lower().strip("/")
    return path == folder or path.startswith(folder + "/")


def checked(text, longest, protected):
    """The path relative to the root; a leading slash is fine. `protected`: folders and files that stay as they are."""
    if len(text) > longest:
        raise PathError("path longer than %d letters" % longest)
    path = text[1:] if text.startswith("/") else text
    for part in path.split("/"):
        _check_part(part, text)
    if path.endswith(PART):
        raise PathError("path that ends in %s: %r" % (PART, text))
    for folder in protected:
        if below(path, folder) or below(folder.strip("/"), path):
            raise PathError("path that is protected: %r" % text)
    return path


def name_of(url, longest):
    """(authority, name): "http://10.0.0.1:8000/1.0.1/main.py" is ("10.0.0.1:8000", "/1.0.1/main.py"). A bare name
    has no authority. Letters that could end a request line are refused."""
    if len(url) > longest:
        raise ProtocolError("URL longer than %d letters" % longest)
    for letter in url:
        if not "!" <= letter <= "~":
            raise ProtocolError("URL with a letter that is not allowed: %r" % url)
    if url.startswith("/"):
        return "", url
    if not url.startswith("http://"):
        raise ProtocolError("URL that is not http: %r" % url)
    slash = url.find("/", 7)
    if slash < 8:
        raise ProtocolError("URL without a name: %r" % url)
    return url[7:slash], url[slash:]
