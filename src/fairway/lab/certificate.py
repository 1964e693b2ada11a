"""The lab's certificate: for the loopback address, trusted by the lab's own programs alone."""

import subprocess
from pathlib import Path

from fairway.kit.errors import EnvironmentLacksError


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key in `folder`, in PEM; EnvironmentLacksError if openssl fails."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "hub.crt", folder / "hub.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    argv += ["-days", "30", "-subj", "/CN=fairway-lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    argv += ["-out", str(certificate), "-keyout", str(key)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EnvironmentLacksError(f"openssl makes no certificate: {last}")
    return certificate, key
