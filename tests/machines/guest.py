"""A guest: one kernel under QEMU without KVM, its whole root in memory, packed from this machine's Python, tools,
libraries and this checkout. It runs one command and is gone."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final, NamedTuple

from machines.debian import Archive

ROOT: Final = Path(__file__).parents[2]
_FOLDERS: Final = (
    *("bin", "dev", "etc", "fairway", "packages", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/local/bin"),
)
_TOOLS: Final = ("ip", "tc", "ss", "nsenter", "setpriv", "unshare", "prlimit", "sysctl", "ping")
_PACKAGES: Final = (
    *("numpy", "numpy.libs", "msgspec", "nanoarrow", "yaml", "_yaml", "_pytest", "pytest", "pluggy", "iniconfig"),
    *("packaging", "py.py", "pygments", "pytest_timeout.py", "pytest_timeout-*.dist-info", "prometheus_client"),
)
_LIBRARIES: Final = ("libbpf.so.1", "libelf.so.1", "libz.so.1", "libgcc_s.so.1")
_NEVER_RUN: Final = shutil.ignore_patterns(
    "test", "tests", "f2py", "idlelib", "ensurepip", "tkinter", "site-packages", "*.a"
)


class Outcome(NamedTuple):
    """How a guest's command ended; None if it did not come to an end."""

    status: int | None
    console: str


def pack(archive: Archive) -> Path:
    """The root that all guests share, as a cpio archive."""
    root = archive.folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    shutil.copy2(archive.find("busybox") or "busybox", root / "bin/busybox")
    shutil.copy2(Path(__file__).with_name("init"), root / "init")
    _copy_python(root)
    for part in ("src", "tests", "bpf"):
        shutil.copytree(ROOT / part, root / "fairway" / part, ignore=shutil.ignore_patterns("machines", "lab"))
    shutil.copytree(ROOT / "src/fairway/lab", root / "fairway/src/fairway/lab")
    shutil.copy2(ROOT / "pyproject.toml", root / "fairway/pyproject.toml")
    # Here, once: a guest is some ten times slower.
    subprocess.run([sys.executable, "-m", "compileall", "-q", root / "fairway"], check=True)
    for tool in _TOOLS:
        shutil.copy2(shutil.which(tool) or tool, root / "usr/bin" / tool)
    _copy_libraries(root)
    return _cpio(archive, root, archive.folder / "root.cpio")


def boot(archive: Archive, kernel: Path, root: Path, command: str, seconds: float) -> Outcome:
    """Boot a kernel and run a command in the checkout; everything that the guest's console said."""
    release = kernel.name.removeprefix("vmlinuz-")
    own = archive.folder / f"own-{release}"
    shutil.rmtree(own, ignore_errors=True)
    (own / "modules").mkdir(parents=True)
    for number, module in enumerate(archive.modules(release)):
        shutil.copy2(module, own / "modules" / f"{number}-{module.name}")
    (own / "command").write_text(command + "\n")
    # The kernel unpacks archives one after the other: what all share, then this one's.
    image = archive.folder / f"{release}.cpio"
    image.write_bytes(root.read_bytes() + _cpio(archive, own, own.with_suffix(".cpio")).read_bytes())
    data = archive.qemu / "usr/share"
    libraries = ":".join(str(path) for path in archive.qemu.glob("**/x86_64-linux-gnu"))
    machine = [
        *(archive.find("qemu-system-x86_64") or "qemu", "-L", data / "qemu", "-L", data / "seabios"),
        *("-machine", "pc,accel=tcg", "-cpu", "max", "-smp", "1", "-m", "1536", "-nodefaults", "-no-reboot"),
        *("-display", "none", "-serial", "stdio", "-kernel", kernel, "-initrd", image),
        *("-append", "console=ttyS0 quiet panic=-1 mitigations=off loglevel=4"),
    ]
    try:
        said = subprocess.run(
            machine, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
            env={"LD_LIBRARY_PATH": libraries},
        )  # fmt: skip
        output = said.stdout + said.stderr
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
    finally:
        image.unlink()
    console = output.decode(errors="replace").replace("\r", "")
    ended = re.findall(r"^exit status: (\d+)$", console, re.MULTILINE)
    return Outcome(int(ended[-1]) if ended else None, console)


def _copy_python(root: Path) -> None:
    """The interpreter at its own path; the packages it needs in /packages."""
    binary, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    target = root / binary.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(binary, target)
    (root / "usr/local/bin/python").symlink_to(binary)
    shutil.copytree(library, root / library.relative_to("/"), ignore=_NEVER_RUN, dirs_exist_ok=True)
    for pattern in _PACKAGES:
        for path in Path(sysconfig.get_path("purelib")).glob(pattern):
            if path.is_dir():
                shutil.copytree(path, root / "packages" / path.name, ignore=_NEVER_RUN)
            else:
                shutil.copy2(path, root / "packages" / path.name)


def _copy_libraries(root: Path) -> None:
    """The shared libraries that anything in the root needs, at the paths they have here."""
    files = [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and (".so" in path.name or path.stat().st_mode & 0o100)
    ]
    needed = subprocess.run(["ldd", *files], check=False, capture_output=True, text=True).stdout
    known = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    wanted = re.findall(r"(/\S+\.so\S*) \(", needed)
    wanted += [path for name in _LIBRARIES for path in re.findall(rf"{re.escape(name)} .* => (\S+)", known)]
    for library in sorted(set(wanted)):
        target = root / library.lstrip("/")
        if not library.startswith(str(root)) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target)
    subprocess.run(["ldconfig", "-r", root], check=True)


def _cpio(archive: Archive, folder: Path, target: Path) -> Path:
    busybox = archive.find("busybox") or "busybox"
    with target.open("wb") as output:
        names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
        subprocess.run(
            [busybox, "cpio", "-o", "-H", "newc"], cwd=folder, input=names.encode(), stdout=output,
            stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    return target
