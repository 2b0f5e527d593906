"""An npm registry of a test's own, with one package that consists of nothing but its versions."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PACKAGE = "thing"


class Registry(ThreadingHTTPServer):
    """Answers npm's questions about the package; its newest version is the one published last."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.tarballs: dict[str, bytes] = {}

    def publish(self, version: str) -> None:
        """Add a version of the package."""
        self.tarballs[f"/{PACKAGE}/-/{version}.tgz"] = _tarball(_manifest(version))
        self._newest = version

    def document(self) -> bytes:
        """Return what npm is told about the package."""
        versions = {}
        for path, tarball in self.tarballs.items():
            version = path.rpartition("/")[2].removesuffix(".tgz")
            integrity = f"sha512-{base64.b64encode(hashlib.sha512(tarball).digest()).decode()}"
            dist = {"tarball": f"{self.url}{path}", "integrity": integrity}
            versions[version] = {**_manifest(version), "dist": dist}
        return json.dumps({"name": PACKAGE, "dist-tags": {"latest": self._newest}, "versions": versions}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        found = self.server.document() if self.path == f"/{PACKAGE}" else self.server.tarballs.get(self.path)
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_: Any) -> None:
        """Write nothing to the output of the tests."""


def _manifest(version: str) -> dict[str, str]:
    return {"name": PACKAGE, "version": version}


def _tarball(manifest: dict[str, str]) -> bytes:
    packed, content = io.BytesIO(), json.dumps(manifest).encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@contextmanager
def serving() -> Iterator[Registry]:
    """Run a registry on a free port."""
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever)
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()
