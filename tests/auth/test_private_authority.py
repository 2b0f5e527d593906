"""Keys over TLS by a certificate of a private authority, which `SSL_CERT_FILE` names."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from taskward.auth.keys import ProviderKeys
from taskward.errors import KeysUnavailableError
from tests.auth.provider import Clock, KeyServer, Pair

AUTHORITY = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A private authority")])
AUTHORITY_KEY, SERVER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def certificate(of: ec.EllipticCurvePrivateKey, subject: x509.Name, *, authority: bool) -> bytes:
    """Return a certificate for 127.0.0.1 that the authority signed, its own included, as PEM."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        AUTHORITY,
        subject,
        of.public_key(),
        x509.random_serial_number(),
        now - timedelta(days=1),
        now + timedelta(days=1),
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=None), True),
        (x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(AUTHORITY_KEY.public_key()), False),
        (x509.SubjectKeyIdentifier.from_public_key(of.public_key()), False),
        (usage, True),  # which Python 3.13 wants of an authority (RFC 5280, 4.2.1.3)
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(AUTHORITY_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(certificate(AUTHORITY_KEY, AUTHORITY, authority=True))
    return path


@pytest.fixture
def secure_server(tmp_path: Path, pair: Pair) -> Iterator[KeyServer]:
    server = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    key = SERVER_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(key + certificate(SERVER_KEY, server, authority=False))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with KeyServer(pair, tls=context) as running:
        yield running


async def test_ssl_cert_file_names_the_authority_of_the_provider(
    secure_server: KeyServer, pair: Pair, clock: Clock, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    provider = ProviderKeys(secure_server.url, clock)
    assert secure_server.url.startswith("https://")
    assert (await provider.find(pair.algorithm, pair.kid)).kid == pair.kid
    await provider.close()


async def test_without_it_a_private_authority_is_a_strangers(
    secure_server: KeyServer, pair: Pair, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    provider = ProviderKeys(secure_server.url, clock)
    with pytest.raises(KeysUnavailableError):
        await provider.find(pair.algorithm, pair.kid)
    assert "certificate" in str(provider.problem).lower()
    assert secure_server.requests == 0
    await provider.close()
