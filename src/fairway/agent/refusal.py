"""Why the kernel refuses the BPF object: libbpf's many lines, the verifier's log among them, as one sentence.

Says which program or table, which feature, and what to do.
"""

import errno
import os
import re
import resource
from collections.abc import Sequence
from typing import Final

from fairway.agent.libbpf import BPFError

_PROGRAM: Final = re.compile(r"prog '(\w+)': BPF program load failed")
_TABLE: Final = re.compile(r"map '(\w+)': failed to create")
_LOG: Final = re.compile(r"-- BEGIN PROG LOAD LOG --\n(.*?)(?:-- END PROG LOAD LOG --|\Z)", re.DOTALL)
_HELPER: Final = re.compile(r"(?:unknown|invalid) func (?:unknown|(\w+))?#?(\d+)")
_CALL: Final = re.compile(r"program of this type cannot use helper (\w+)")
_NOISE: Final = re.compile(
    r"processed \d+ insns|verification time|stack depth|mark_precise|^\d+: |^;|^from \d+ to|^\s*$"
)
_TABLE_SINCE: Final = {"events": "ring buffers, Linux 5.8", "rules": "tables of prefixes, Linux 4.11"}
_OLDEST: Final = "Linux 5.10 or newer is needed"


class RefusedError(BPFError):
    """The kernel does not take a program or a table."""

    def __init__(self, sentence: str, number: int) -> None:
        super().__init__(sentence, number)
        self.args = (sentence,)


def refused(doing: str, told: Sequence[str], number: int) -> RefusedError:
    """The error that libbpf's messages `told` amount to; `number` is its errno."""
    everything = "\n".join(line.removeprefix("libbpf: ") for line in told)
    what, feature = _what(doing, everything), _feature(everything)
    reason = feature or os.strerror(number)
    return RefusedError(f"{what}: {reason}; {_remedy(number, everything, feature)}", number)


def _what(doing: str, told: str) -> str:
    if found := _PROGRAM.search(told):
        return f"cannot load program `{found[1]}`"
    if found := _TABLE.search(told):
        return f"cannot make table `{found[1]}`"
    return f"cannot {doing} the BPF programs"


def _feature(told: str) -> str:
    """What this kernel lacks, or the verifier's last word."""
    if found := _TABLE.search(told):
        since = _TABLE_SINCE.get(found[1])
        return f"this kernel has no {since}" if since and "Invalid argument" in told else ""
    log = _LOG.search(told)
    if log is None:
        return ""
    if helper := _HELPER.search(log[1]):
        name = f"`{helper[1]}`" if helper[1] else f"number {helper[2]}"
        return f"this kernel has no helper {name}"
    if helper := _CALL.search(log[1]):
        return f"this kernel's tc programs may not use helper `{helper[1]}`"
    said = [line.strip() for line in log[1].splitlines() if not _NOISE.search(line)]
    return f"the kernel's verifier says `{said[-1]}`" if said else ""


def _remedy(number: int, told: str, feature: str) -> str:
    if number == errno.EPERM:
        soft = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        if "ulimit -l" in told or "RLIMIT_MEMLOCK" in told:
            return (
                f"this kernel counts tables as locked memory and {soft >> 10} KiB are allowed: ulimit -l unlimited"
            )
        return "run as root, or with the capabilities BPF, NET_ADMIN and PERFMON"
    if number == errno.ENOSYS:
        return "this kernel was built without BPF"
    if number == errno.ENOMEM:
        return "the node has too little memory for the tables"
    if feature.startswith("this kernel"):
        return _OLDEST
    return f"{_OLDEST}; if it is, please report this line with `uname -r`"
