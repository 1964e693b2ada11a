"""The certificate that an installation without cert-manager begins with, and who signed it."""

import base64
import datetime
import ipaddress
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SECRET: Final = "fairway-hub-tls"  # noqa: S105  # its name
_DAYS: Final = 3650
_EARLY: Final = datetime.timedelta(hours=1)
"""Before now that it is valid: clocks are apart."""
_USAGES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def certificate_secret(namespace: str, now: datetime.datetime) -> dict[str, Any]:
    """A Secret with a certificate of the hub's names, its key, and the authority that signed it, whose own key is
    forgotten: nobody can sign another."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, made = _root(authority, now), _signed(names_of(namespace), key.public_key(), authority, now)
    pem = serialization.Encoding.PEM
    content = {
        "ca.crt": root.public_bytes(pem),
        "tls.crt": made.public_bytes(pem),
        "tls.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "fairway", "app.kubernetes.io/managed-by": "fairway"},
        },
        "data": {name: base64.b64encode(value).decode() for name, value in content.items()},
    }


def names_of(namespace: str) -> list[str]:
    """By which agents and people reach the hub."""
    service = f"fairway-hub.{namespace}"
    return ["fairway-hub", service, f"{service}.svc", f"{service}.svc.cluster.local", "localhost"]


def _root(authority: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    return (
        _begun("fairway", authority.public_key(), authority, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(authority, hashes.SHA256())
    )


def _signed(
    names: list[str], key: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey, now: datetime.datetime
) -> x509.Certificate:
    loopback = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    return (
        _begun("fairway-hub", key, authority, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names), loopback]), critical=False)
        .sign(authority, hashes.SHA256())
    )


def _begun(
    subject: str, key: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    named, signer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, "fairway"))
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(signer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(by, critical=False)
    )


def _usage(*chosen: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in chosen for name in _USAGES})
