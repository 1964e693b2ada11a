"""QEMU, busybox and cloud kernels from Debian's archive, unpacked into a folder of their own: nothing is installed.

The archive is the one this machine's apt already uses; only its lists are kept apart, so that apt does not learn of
another release.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

SUITES: Final = ("bullseye", "bookworm")
_KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_EMULATOR: Final = ("qemu-system-x86", "busybox-static")
MODULES: Final = ("veth", "sch_ingress", "cls_bpf", "act_bpf", "inet_diag", "tcp_diag")


class MissingError(Exception):
    """What the machines need and this one cannot have; the reason of a skip."""


class Archive:
    """Packages below `folder`: `qemu/` is a root with the emulator, `linux/` one with kernels and modules."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.qemu, self.linux = folder, folder / "qemu", folder / "linux"
        self._debs = folder / "debs"

    def prepare(self) -> None:
        """Read the archive's lists and unpack the emulator. MissingError where that cannot be."""
        if os.uname().machine != "x86_64":
            raise MissingError(f"kernels for {os.uname().machine} under QEMU: only x86_64 is set up")
        for folder in (self.qemu, self.linux, self._debs, self.folder / "lists/partial", self.folder / "cache"):
            folder.mkdir(parents=True, exist_ok=True)
        self._write_sources()
        if self.find("qemu-system-x86_64") and self.find("busybox"):
            return
        self._apt("apt-get", "update")
        wanted = re.findall(r"^Inst (\S+)", self._apt("apt-get", "install", "-s", *_EMULATOR), re.MULTILINE)
        self._unpack(wanted, self.qemu)
        if not self.find("qemu-system-x86_64"):
            raise MissingError("qemu-system-x86 from Debian's archive")

    def find(self, program: str) -> str | None:
        """Path of a program: unpacked here, or installed."""
        folders = [self.qemu / place for place in ("usr/bin", "bin", "usr/sbin")]
        return shutil.which(program, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))

    def kernel(self, series: str) -> Path:
        """The newest cloud kernel of a series, with its modules. MissingError if the archive has none."""
        if not self._images(series):
            pattern = rf"^linux-image-{re.escape(series)}\..*-cloud-amd64$"
            found = re.findall(r"^\S+", self._apt("apt-cache", "search", "--names-only", pattern), re.MULTILINE)
            if not found:
                raise MissingError(f"a cloud kernel {series} in Debian's archive")
            self._unpack([max(found, key=_version)], self.linux)
        return max(self._images(series), key=lambda path: _version(path.name))

    def modules(self, release: str) -> list[Path]:
        """What a guest needs of the kernel's modules, in the order they are loaded."""
        found = {
            path.name.partition(".")[0]: path for path in (self.linux / "lib/modules" / release).rglob("*.ko*")
        }
        return [found[name] for name in MODULES if name in found]

    def _images(self, series: str) -> list[Path]:
        return list((self.linux / "boot").glob(f"vmlinuz-{series}.*"))

    def _write_sources(self) -> None:
        targets = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"],
            check=False, capture_output=True, text=True,
        ).stdout  # fmt: skip
        here = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
        places = dict(line.split(maxsplit=1) for line in targets.splitlines())
        codename = here[1] if here else ""
        if codename not in places or not _KEYS.exists():
            raise MissingError("Debian's archive among apt's sources")
        lines = [
            f"deb [signed-by={_KEYS}] {places[codename + suffix]} {suite}{suffix} main\n"
            for suffix in ("", "-security") if codename + suffix in places
            for suite in SUITES
        ]  # fmt: skip
        (self.folder / "sources").write_text("".join(lines))

    def _unpack(self, packages: list[str], root: Path) -> None:
        self._apt("apt-get", "download", *packages)
        for package in packages:
            for deb in self._debs.glob(f"{package}_*.deb"):
                subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
                deb.unlink()
        for packed in root.glob("lib/modules/**/*.ko.xz"):
            if packed.name.partition(".")[0] in MODULES:
                subprocess.run(["xz", "-d", "-f", packed], check=True)

    def _apt(self, program: str, *arguments: str) -> str:
        """Its output. A suite that is gone from the archive is a warning: what it had is then not found."""
        options = {
            "Dir::Etc::sourcelist": self.folder / "sources",
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
        }
        flags = [flag for name, value in options.items() for flag in ("-o", f"{name}={value}")]
        return subprocess.run(
            [program, "-q", *flags, *arguments], cwd=self._debs, check=False, capture_output=True, text=True
        ).stdout


def _version(name: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", name)]
