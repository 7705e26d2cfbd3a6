"""Manifests that mean harm, or are broken: each is refused by name, nothing of it is installed, and nothing is written
outside of the library's folder."""
import json

from cases_update import raised
from emulated_files import EmulatedFiles
from emulated_gateway import FOLDERS, OLD, WORK, MemoryTransport, device, manifest_of, release, sha1
from ferry_ota import errors, paths

PATHS = ("", "/", "//flash/a", "..", "../a", "flash/../../a", "flash/./a", "flash/.", "flash//a", "flash/a/", "/..",
         "flash\\a", "c:a", "flash/a\n", "flash/a\0b", "flash/\x7f", "flash/ä", "flash/a.", "flash/a ", "flash./a",
         "flash/.ferry/state", "flash/.FERRY/x", "flash/.ferry", "flash", "FERRY~1/state", "flash/a*", "flash/a?",
         "flash/a.ferry-part", "flash/" + "a" * 200, "a" * 129)
URLS = ("", "http://", "http://gw:8000", "http://evil:8000/a", "http://gw:8001/a", "https://gw:8000/a", "ftp://gw/a",
        "http://gw:8000@evil/a", "/a b", "/a\r\nHost: evil", "/" + "a" * 300, "http:///a", "/\x00",
        "file:///etc/passwd")
GOOD = {"delete": [], "new": [], "update": [], "version": "2.0"}


def served(text):
    transport = MemoryTransport({"/manifest.json?current_ver=1.0": text, "/a": b"x"})
    files = EmulatedFiles(content=OLD, folders=FOLDERS)
    return device(transport, files), files


def refused(text, kind=errors.OtaError):
    ota, files = served(text if isinstance(text, bytes) else text.encode())
    raised(kind, ota.update)
    assert files.content(WORK) == OLD and files.folders == set(FOLDERS + (WORK,)), text
    assert ota.phase == "idle", (text, ota.phase)


def manifest(**changes):
    changed = dict(GOOD)
    changed.update(changes)
    return json.dumps(changed)


def test_paths_that_lead_elsewhere():
    for path in PATHS:
        refused(manifest(new=[{"URL": "/a", "dst_path": path, "hash": sha1(b"x")}]), errors.PathError)
        refused(manifest(delete=[path]), errors.PathError)
        yield


def test_paths_that_are_fine():
    for path, wanted in (("/flash/a.py", "flash/a.py"), ("flash/a.py", "flash/a.py"), ("sd/Some File~.txt", None),
                         ("a", "a"), ("flash/.hidden", None), ("flash/..a", None), ("flash/.ferry2", None)):
        assert paths.checked(path, 128, (WORK,)) == (wanted or path)


def test_urls_that_lead_elsewhere():
    for url in URLS:
        refused(manifest(update=[{"URL": url, "dst_path": "flash/a", "hash": sha1(b"x")}]))
        yield


def test_hashes_versions_and_shapes():
    for word in ("", "abc", "g" * 40, "a" * 41, "a" * 39):
        refused(manifest(new=[{"URL": "/a", "dst_path": "flash/a", "hash": word}]), errors.ManifestError)
    for version in ("", "a" * 65, "1 0", "1/0", "1\n", "ä", None, 7, []):
        refused(manifest(version=version), errors.ManifestError)
    for changes in ({"new": {}}, {"delete": "flash/main.py"}, {"new": ["a"]}, {"update": None}, {"firmware": "x"},
                    {"delete": [1]}, {"new": [{"URL": "/a"}]}, {"firmware": {"URL": "/a"}}):
        refused(manifest(**changes), errors.ManifestError)
    for missing in GOOD:
        refused(json.dumps({key: value for key, value in GOOD.items() if key != missing}), errors.ManifestError)


def test_what_is_no_json():
    whole = manifest(new=[{"URL": "/a", "dst_path": "flash/a", "hash": sha1(b"x")}])
    for length in range(len(whole)):
        refused(whole[:length])
        yield
    for text in ("nul", "nulll", "null null", "true", "1", '"a"', "[]", whole + "x", whole + whole, "{,}", "{}", "\0",
                 '{"version":"2.0","version":"2.1","delete":[],"new":[],"update":[]}',
                 '{"a":' * 5000, "[" * 5000, '{"a":"' + "x" * 5000 + '"}', '{"a":"\\u12"}', '{"a":"\\q"}',
                 '{"a":' + "1" * 100 + "}", '{"a" 1}', "{'a':1}"):
        refused(text)
        yield
    refused(b'{"a":"\xff\xfe"}')
    refused(b"\xff" * 100)


def test_what_other_writers_may_add():
    """Fields nobody knows, spaces, escapes, any order."""
    more = ('{ "x": {"y": [1, -2.5e3, true, null, "\\u00e4\\n", {}], "z": []} ,\r\n"version":"2.0", "firmware": null,'
            ' "update" : [ ] , "previous_version": null, "new":[{"size": 1, "hash":"%s","dst_path":'
            '"\\/flash\\/\\u0061","URL":"http:\\/\\/gw:8000\\/a"}],"delete":[]}' % sha1(b"x").upper())
    ota, files = served(more.encode())
    ota.update()
    content = dict(OLD)
    content["flash/a"] = b"x"
    assert files.content(WORK) == content


def test_as_many_files_as_allowed_and_one_more():
    files = {"flash/f%d" % number: b"%d" % number for number in range(129)}
    text, names = manifest_of({}, files, "2.0")
    refused(text, errors.ManifestError)
    files.pop("flash/f128")
    there = EmulatedFiles(folders=FOLDERS)
    device(release(old={}, new=files), there).update()
    assert there.content(WORK) == files


def test_garbage():
    """Bytes from a seed, and a good manifest with bytes of it changed: an error by name, or a manifest."""
    whole = manifest(new=[{"URL": "/a", "dst_path": "flash/a", "hash": sha1(b"x")}], delete=["sd/gone.wav"]).encode()
    seed = 12345
    for _ in range(400):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        text = bytearray(whole)
        text[(seed >> 8) % len(text)] = seed >> 16 & 0xFF
        ota, files = served(bytes(text))
        try:
            ota.update()
        except errors.OtaError:
            assert files.content(WORK) == OLD
        for name in files.lasting:
            assert name.startswith(WORK + "/") or paths.checked(name, 128, (WORK,)) == name
        yield
