"""A certificate authority of the tests' own, made by the ``openssl`` command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAMES = {
    "good": "IP:127.0.0.1,DNS:localhost",
    "expired": "IP:127.0.0.1,DNS:localhost",
    "other name": "DNS:pay.example",
}
_PERIODS = {"expired": ("20200101000000Z", "20200201000000Z")}
_ALWAYS = ("20200101000000Z", "20491231000000Z")


@dataclass(frozen=True)
class Authority:
    """The authority and what it has signed, in one directory."""

    directory: Path

    @property
    def ca_file(self) -> Path:
        """Its own certificate."""
        return self.directory / "ca.pem"

    def server(self, name: str) -> ssl.SSLContext:
        """A server's TLS settings with the certificate of this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        return context


def make_authority(directory: Path) -> Authority:
    """Make an authority, three certificates signed by it and one signed by itself."""
    _self_signed(directory, "ca", "/CN=squall test authority", [])
    own = ["-addext", "subjectAltName=IP:127.0.0.1"]
    _self_signed(directory, "self-signed", "/CN=localhost", own)
    (directory / "index.txt").touch()
    (directory / "serial").write_text("01\n")
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\nserial = serial\n"
        "new_certs_dir = .\ncertificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\n"
        "policy = any\ncopy_extensions = copy\nunique_subject = no\n"
        "[any]\ncommonName = supplied\n"
    )
    for name, alternatives in _NAMES.items():
        _openssl(
            directory,
            *["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
            *["-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=squall test"],
            *["-addext", f"subjectAltName={alternatives}"],
        )
        start, end = _PERIODS.get(name, _ALWAYS)
        _openssl(
            directory,
            *["ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem"],
            *["-notext", "-startdate", start, "-enddate", end],
        )
    return Authority(directory)


def _self_signed(directory: Path, name: str, subject: str, options: list[str]) -> None:
    _openssl(
        directory,
        *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        *["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", subject, "-days", "3650"],
        *options,
    )


def _openssl(directory: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"openssl {' '.join(arguments)}\n{done.stderr}"
