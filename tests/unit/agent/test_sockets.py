"""Where the node's cgroups are: from the mounts, in the kernel's own words."""

from pathlib import Path

import pytest

from fairway.agent.sockets import unified_cgroup

HYBRID = """\
26 24 0:23 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
27 26 0:24 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
28 26 0:25 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
"""


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        (HYBRID, "/sys/fs/cgroup/unified"),
        ("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n", "/sys/fs/cgroup"),
        (
            "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
            "31 24 0:26 /../../../.. /run/fairway/cgroup ro - cgroup2 cgroup rw\n",
            "/run/fairway/cgroup",
        ),
        (HYBRID.replace("cgroup2 cgroup2", "cgroup cgroup"), None),
        ("", None),
    ],
    ids=["hybrid", "unified", "a container with the node's", "version 1 only", "none"],
)
def test_the_unified_hierarchy(tmp_path: Path, mounts: str, found: str | None) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(mounts)
    assert unified_cgroup(file) == (Path(found) if found else None)
