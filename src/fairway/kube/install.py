"""Install: the chart's manifests without Helm, with a certificate made here."""

import base64
import datetime
import ipaddress
from importlib.resources import files
from typing import Any, Final

import yaml

from fairway.kit.errors import UsageError

PLACE: Final = "namespace-of-fairway"
REGISTRY: Final = "registry-of-images/"
_DAYS: Final = 3650
_SECRET: Final = "fairway-hub-tls"  # noqa: S105  # its name


def manifests(
    namespace: str, *, registry: str = "", mode: str = "observe", tls: bool = True
) -> list[dict[str, Any]]:
    """Everything that Fairway needs in a cluster, in the order to apply it; `registry` is where its images lie.
    With `tls` there is a new certificate among it, without it the Secret must be there."""
    text = files("fairway.kube").joinpath("install.yaml").read_text(encoding="utf-8")
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    text = text.replace(PLACE, namespace).replace(REGISTRY, prefix).replace("--mode=observe", f"--mode={mode}")
    objects = [value for value in yaml.load_all(text, Loader=yaml.CSafeLoader) if value]
    if not any(value["kind"] == "Namespace" for value in objects):
        raise UsageError("the package's own manifests are damaged; install Fairway again")
    if tls:
        first = next(i for i, value in enumerate(objects) if value["kind"] == "ServiceAccount")
        objects.insert(first, certificate_secret(namespace, datetime.datetime.now(datetime.UTC)))
    return objects


def certificate_secret(namespace: str, now: datetime.datetime) -> dict[str, Any]:
    """A Secret with a certificate of the hub's names, its key, and the authority that signed it, whose own key is
    forgotten: nobody can sign another."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    names = ["fairway-hub", f"fairway-hub.{namespace}", f"fairway-hub.{namespace}.svc"]
    names += [f"fairway-hub.{namespace}.svc.cluster.local", "localhost"]
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fairway")])
    usages = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip

    def usage(*chosen: str) -> x509.KeyUsage:
        return x509.KeyUsage(**{name: name in chosen for name in usages})

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))  # clocks are apart
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
            )
        )

    root = (
        begun(signer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(authority, hashes.SHA256())
    )
    made = (
        begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fairway-hub")]), key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [*map(x509.DNSName, names), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    content = {
        "ca.crt": root.public_bytes(pem),
        "tls.crt": made.public_bytes(pem),
        "tls.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": _SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "fairway", "app.kubernetes.io/managed-by": "fairway"},
        },
        "data": {name: base64.b64encode(value).decode() for name, value in content.items()},
    }
