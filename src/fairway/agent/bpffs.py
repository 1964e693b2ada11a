"""The BPF file system: where pins live. Mounted here if the machine has not done it."""

import ctypes
import os
from pathlib import Path
from typing import Final

from fairway.kit.errors import EnvironmentLacksError

ROOT: Final = Path("/sys/fs/bpf")
_BPF_FS_MAGIC: Final = 0xCAFE4A11  # include/uapi/linux/magic.h


def make(folder: Path) -> None:
    """Make a folder for pins; EnvironmentLacksError if it would not be on a BPF file system."""
    try:
        if folder.is_relative_to(ROOT) and ROOT.exists() and not _is_bpffs(ROOT):
            _mount()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentLacksError(
            f"cannot make {folder} for pins: {error.strerror}; run as root, with {ROOT} writable"
        ) from error
    if not _is_bpffs(folder):
        raise EnvironmentLacksError(f"{folder} is not on a BPF file system; mount -t bpf bpf {ROOT}")


def _mount() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bpf", str(ROOT).encode(), b"bpf", 0, None) < 0:
        reason = os.strerror(ctypes.get_errno())
        raise EnvironmentLacksError(
            f"no BPF file system is mounted at {ROOT}; mount -t bpf bpf {ROOT} ({reason} here)"
        )


def _is_bpffs(folder: Path) -> bool:
    buffer = ctypes.create_string_buffer(256)  # struct statfs; f_type is its first word
    if ctypes.CDLL(None).statfs(str(folder).encode(), buffer) < 0:
        return False
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF == _BPF_FS_MAGIC
