"""Webhooks over TLS: a certificate that is trusted, one that is not, and an end to each call there too."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.hosts import callback
from worker.delivery.webhook_post import Poster, PostTarget


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost and its key in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with callback.an_endpoint(context) as made:
        yield made


def post(endpoint, seconds=10):
    return Poster(private=True, seconds=seconds).post(
        PostTarget("d", endpoint.url, None, (callback.SECRET,)), "e1", "{}"
    )


def test_a_certificate_that_nobody_vouches_for_is_refused_and_said(secure):
    assert post(secure).trouble == "its certificate is not valid"
    assert secure.came == []


def test_an_own_networks_certificate_is_trusted_where_it_is_named(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert not post(secure).trouble
    assert secure.ids == ["e1"]


def test_a_certificate_for_another_name_is_refused(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.url = secure.url.replace("localhost", "127.0.0.1")
    assert post(secure).trouble == "its certificate is not valid"


def test_a_call_over_tls_has_an_end_too(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.answer = secure.drip
    assert post(secure, seconds=0.5).trouble == "no answer within 0.5 seconds"


def test_an_endpoint_that_speaks_no_tls_cannot_be_reached(endpoint):
    endpoint.url = endpoint.url.replace("http://", "https://")
    assert post(endpoint).trouble == "cannot be reached"
