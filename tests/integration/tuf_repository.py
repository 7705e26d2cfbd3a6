"""A TUF repository for tests, written from the specification alone, and the HTTP server it lies on. It signs
whatever it is told to, so that tests can play both the honest repository and the attacker."""
import copy
import datetime
import hashlib
import http.server
import json
import threading
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

TOP = ("root", "timestamp", "snapshot", "targets")


def canonical(value):
    """The form that is signed."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(entry) for entry in value) + "]"
    return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"


def days(count, now=None):
    now = now or datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(days=count)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Signer:
    """A private key, and the entry that makes its public half known."""
    numbers = 0

    def __init__(self, scheme="ed25519"):
        self.scheme = scheme
        Signer.numbers += 1
        self.keyid = hashlib.sha256(f"key {Signer.numbers}".encode()).hexdigest()
        if scheme == "ed25519":
            self.key = ed25519.Ed25519PrivateKey.generate()
        elif scheme == "rsassa-pss-sha256":
            self.key = rsa.generate_private_key(65537, 2048)
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key()
        if scheme == "ed25519":
            text = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
        else:
            text = public.public_bytes(serialization.Encoding.PEM,
                                       serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        keytype = {"ed25519": "ed25519", "rsassa-pss-sha256": "rsa"}.get(scheme, "ecdsa")
        self.entry = {"keytype": keytype, "scheme": scheme, "keyval": {"public": text}}

    def sign(self, text):
        if self.scheme == "ed25519":
            made = self.key.sign(text)
        elif self.scheme == "rsassa-pss-sha256":
            made = self.key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size),
                                 hashes.SHA256())
        else:
            made = self.key.sign(text, ec.ECDSA(hashes.SHA256()))
        return made.hex()

    def renamed(self, keyid):
        """The same key under another id."""
        other = copy.copy(self)
        other.keyid = keyid
        return other


class Repository:
    """`part[role]` is what will be signed by `signers[role]` at the next publish(role); `served` is what clients
    get, by the name in the URL; `asked` is what they asked for; `refusals` are HTTP statuses by the same names."""

    def __init__(self, consistent=True):
        self.served, self.artifacts, self.asked, self.refusals = {}, {}, [], {}
        self.with_hashes = False
        self.delegator = {}
        self.signers = {role: [Signer()] for role in TOP}
        self.part = {role: {"_type": role, "spec_version": "1.0.31", "version": 0, "expires": days(30)}
                     for role in TOP}
        self.part["root"].update(consistent_snapshot=consistent, keys={}, roles={})
        self.part["timestamp"]["meta"] = {"snapshot.json": {"version": 1}}
        self.part["snapshot"]["meta"] = {}
        self.part["targets"]["targets"] = {}
        for role in TOP:
            self.trust(role, *self.signers[role])
        self.publish(*TOP)

    # Who may sign.
    def trust(self, role, *signers, threshold=1):
        """Makes `signers` the ones that root or the delegator asks for."""
        keys, entry = self._listing(role)
        for signer in signers:
            keys[signer.keyid] = signer.entry
        entry["keyids"] = [signer.keyid for signer in signers]
        entry["threshold"] = threshold

    def _listing(self, role):
        if role in TOP:
            root = self.part["root"]
            return root["keys"], root["roles"].setdefault(role, {})
        delegations = self.part[self.delegator[role]]["delegations"]
        entry = next(entry for entry in delegations["roles"] if entry["name"] == role)
        return delegations["keys"], entry

    def rotate(self, role, **more):
        self.signers[role] = [Signer(**more)]
        self.trust(role, *self.signers[role])

    def delegate(self, delegator, role, paths=("*",), prefixes=None, terminating=False):
        listing = self.part[delegator].setdefault("delegations", {"keys": {}, "roles": []})
        entry = {"name": role, "terminating": terminating}
        entry.update({"path_hash_prefixes": prefixes} if prefixes is not None else {"paths": list(paths)})
        listing["roles"].append(entry)
        self.delegator[role] = delegator
        if role not in self.part:
            self.signers[role] = [Signer()]
            self.part[role] = {"_type": "targets", "spec_version": "1.0.31", "version": 0, "expires": days(30),
                               "targets": {}}
        self.trust(role, *self.signers[role])

    def add(self, path, content, role="targets", custom=None):
        digest = hashlib.sha256(content).hexdigest()
        entry = {"length": len(content), "hashes": {"sha256": digest}}
        if custom is not None:
            entry["custom"] = custom
        self.part[role]["targets"][path] = entry
        folder, _, name = path.rpartition("/")
        if self.part["root"]["consistent_snapshot"]:
            name = f"{digest}.{name}"
        self.artifacts[f"{folder}/{name}" if folder else name] = content

    # What clients get.
    def document(self, role):
        text = canonical(self.part[role]).encode()
        signatures = [{"keyid": signer.keyid, "sig": signer.sign(text)} for signer in self.signers[role]]
        return json.dumps({"signatures": signatures, "signed": self.part[role]}, indent=1).encode()

    def name_of(self, role):
        versioned = role == "root" or (role != "timestamp" and self.part["root"]["consistent_snapshot"])
        return (f"{self.part[role]['version']}." if versioned else "") + urllib.parse.quote(role, "") + ".json"

    def publish(self, *roles, bump=True):
        """Signs and serves `roles`, one version up each if `bump`; each is announced in the part above it, which
        clients see once that is published as well."""
        order = [role for role in roles if role not in ("snapshot", "timestamp")]
        order += [role for role in ("snapshot", "timestamp") if role in roles]
        for role in order:
            self.part[role]["version"] += bump
            content = self.document(role)
            self.served[self.name_of(role)] = content
            if role not in ("root", "snapshot", "timestamp"):
                self.part["snapshot"]["meta"][f"{role}.json"] = self._announced(role, content)
            if role == "snapshot":
                self.part["timestamp"]["meta"]["snapshot.json"] = self._announced(role, content)

    def publish_all(self, *roles):
        self.publish(*roles, "snapshot", "timestamp")

    def _announced(self, role, content):
        meta = {"version": self.part[role]["version"]}
        if self.with_hashes:
            meta.update(length=len(content), hashes={"sha256": hashlib.sha256(content).hexdigest()})
        return meta


class Server:
    """Serves a repository on a free port of the loopback until it is closed."""

    def __init__(self, repository):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802 (the name is the library's)
                kind, _, name = self.path.lstrip("/").partition("/")
                repository.asked.append(name)
                if kind == "metadata":
                    content = repository.served.get(name)
                else:
                    content = repository.artifacts.get(urllib.parse.unquote(name))
                status = repository.refusals.get(name)
                content = content if status is None else None
                self.send_response(status or (404 if content is None else 200))
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that had enough leave in the middle
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
