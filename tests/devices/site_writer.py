"""Writes a site as docs/release-format.md says, from that page and OpenSSL alone: what the gateway reads is
checked against a second hand."""
import base64
import hashlib
import json
import pathlib
import subprocess

INDEX_TYPE = "application/vnd.ferry.index+json"


def make_key(folder):
    """A key pair; gives the private key's file and the public key as ferry.ini takes it."""
    key = pathlib.Path(folder) / "site-key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                          capture_output=True).stdout
    return key, base64.b64encode(spki[-32:]).decode()


def sign(key, message, folder):
    file = pathlib.Path(folder) / ".message"
    file.write_bytes(message)
    signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file], check=True,
                               capture_output=True).stdout
    file.unlink()
    return signature


class SiteWriter:
    def __init__(self, folder, key=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = key
        self.sequence = 0
        self.entries = []

    def put(self, path, content):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def add(self, version, artifacts, product="meter", channel="stable", change=None):
        """`artifacts`: list of (role, name, bytes) or (role, name, bytes, from). `change` may spoil the document."""
        described = []
        for role, name, content, *step in artifacts:
            digest = hashlib.sha256(content).hexdigest()
            entry = {"role": role, "name": name, "size": len(content), "sha256": digest, "url": "artifacts/" + digest}
            if role == "file":
                entry["dst_path"] = name
            if step:
                entry["from"] = step[0]
            described.append(entry)
            self.put(entry["url"], content)
        document = {"format": "ferry-release/1", "product": product, "version": version, "channel": channel,
                    "artifacts": described}
        if change:
            change(document)
        text = json.dumps(document).encode()
        url = f"releases/{product}/{channel}/{version}/release.json"
        self.put(url, text)
        self.entries.append({"product": product, "version": version, "channel": channel, "document": url,
                             "size": len(text), "sha256": hashlib.sha256(text).hexdigest()})
        return described

    def publish(self, sequence=None, key=None, change=None):
        """Writes index.json, signed by the site's key or by another. `change` may spoil the envelope."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        payload = json.dumps({"format": "ferry-index/1", "sequence": self.sequence, "releases": self.entries}).encode()
        signatures = []
        key = key or self.key
        if key:
            message = b"DSSEv1 %d %s %d %s" % (len(INDEX_TYPE), INDEX_TYPE.encode(), len(payload), payload)
            signatures = [{"keyid": "", "sig": base64.b64encode(sign(key, message, self.folder)).decode()}]
        envelope = {"payloadType": INDEX_TYPE, "payload": base64.b64encode(payload).decode(), "signatures": signatures}
        if change:
            change(envelope)
        self.put("index.json", json.dumps(envelope).encode())
