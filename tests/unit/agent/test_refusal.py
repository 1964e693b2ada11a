"""What libbpf says, in the words of several kernels, becomes one sentence."""

import errno

import pytest

from fairway.agent.refusal import refused

FAILED = "libbpf: prog 'fairway_to_pod': BPF program load failed: Invalid argument"
OLDEST = "Linux 5.10 or newer is needed"
REPORT = f"{OLDEST}; if it is, please report this line with `uname -r`"


def log(*lines: str) -> str:
    said = "\n".join(lines)
    return f"libbpf: prog 'fairway_to_pod': -- BEGIN PROG LOAD LOG --\n{said}\n-- END PROG LOAD LOG --"


@pytest.mark.parametrize(
    ("told", "number", "sentence"),
    [
        (
            [FAILED, log("0: (85) call bpf_jiffies64#118", "unknown func bpf_jiffies64#118", "processed 3 insns")],
            errno.EINVAL,
            f"cannot load program `fairway_to_pod`: this kernel has no helper `bpf_jiffies64`; {OLDEST}",
        ),
        (
            [FAILED, log("invalid func unknown#181")],
            errno.EINVAL,
            f"cannot load program `fairway_to_pod`: this kernel has no helper number 181; {OLDEST}",
        ),
        (
            [FAILED, log("program of this type cannot use helper bpf_sk_lookup_tcp#84")],
            errno.EINVAL,
            "cannot load program `fairway_to_pod`: this kernel's tc programs may not use helper "
            f"`bpf_sk_lookup_tcp`; {OLDEST}",
        ),
        (
            [FAILED, log("; return see(skb)", "back-edge from insn 9 to 4", "processed 10 insns (limit 1000000)")],
            errno.EINVAL,
            "cannot load program `fairway_to_pod`: the kernel's verifier says `back-edge from insn 9 to 4`; "
            + REPORT,
        ),
        (
            ["libbpf: map 'events': failed to create: Invalid argument(-22)"],
            errno.EINVAL,
            f"cannot make table `events`: this kernel has no ring buffers, Linux 5.8; {OLDEST}",
        ),
        (
            ["libbpf: map 'rules': failed to create: Cannot allocate memory(-12)"],
            errno.ENOMEM,
            "cannot make table `rules`: Cannot allocate memory; the node has too little memory for the tables",
        ),
        (
            [],
            errno.EPERM,
            "cannot load the BPF programs: Operation not permitted; run as root, or with the capabilities BPF, "
            "NET_ADMIN and PERFMON",
        ),
        (
            [],
            errno.ENOSYS,
            "cannot load the BPF programs: Function not implemented; this kernel was built without BPF",
        ),
    ],
)
def test_a_sentence(told: list[str], number: int, sentence: str) -> None:
    error = refused("load", told, number)
    assert str(error) == sentence
    assert (error.number, error.exit_code) == (number, 3)


def test_too_little_locked_memory() -> None:
    told = ["libbpf: permission error while running as root; try raising 'ulimit -l'? current value: 64.0 KiB"]
    told.append("libbpf: map 'flows': failed to create: Operation not permitted(-1)")
    sentence = str(refused("load", told, errno.EPERM))
    assert sentence.startswith("cannot make table `flows`: Operation not permitted; this kernel counts tables")
    assert sentence.endswith(": ulimit -l unlimited")
