"""Runs a program that nobody has read: the child process of `sandbox`, started by the path of this file.

Imports the standard library alone. Layer by layer, from the inside of a fresh interpreter: namespaces of its
own (no network; a temporary folder in memory), limits of the kernel's, no rights over files but to read
Python's own and to write below the working directory (Landlock), and no system call that makes a process, a
connection or a signal (seccomp). All of them stay for as long as the process lives. Then the program runs in
this interpreter.

Standard input: a line of JSON with the limits and the program. To the file descriptor that the command names
goes a line with the layers that are in force, and once the program has run to its end, the token that came
with it.

Sources: landlock(7), seccomp(2), user_namespaces(7); numbers of system calls from Linux' own tables, of
which only x86-64's were tried.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import struct
import sys
import sysconfig
from typing import Any

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SIGKILL, _EPERM, _ENOSYS = 9, 1, 38
_TMPFS_BYTES = 16_000_000

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's calls, the same on every architecture."""
_READ = 0b1101
"""Execute (of a shared library), read a file, list a folder."""
_NEEDED = ("landlock", "seccomp")

# Denied, line by line: what makes processes, or runs others (fork, vfork, execve, execveat); signals (kill,
# tkill, tgkill, those with data, pidfd's); socket, socketpair, System V's shared things, io_uring, which
# seccomp cannot look into; other processes (ptrace, process_vm_*, prlimit64, priorities, cores); mount and
# namespaces, open_by_handle_at; bpf, perf events, keys, userfaultfd.
_X86_64 = (
    *(57, 58, 59, 322),
    *(62, 200, 234, 129, 297, 424, 434, 438),
    *(41, 53, 29, 64, 68, 425),
    *(101, 310, 311, 302, 141, 144, 203, 251),
    *(165, 166, 155, 161, 272, 308, 304),
    *(321, 298, 248, 249, 250, 323),
)
_AARCH64 = (
    *(221, 281),
    *(129, 130, 131, 138, 240, 424, 434, 438),
    *(198, 199, 194, 190, 186, 425),
    *(117, 270, 271, 261, 140, 119, 122, 30),
    *(40, 39, 41, 51, 97, 268, 265),
    *(280, 241, 217, 218, 219, 282),
)
_SYSCALLS = {
    "x86_64": {"arch": 0xC000003E, "clone": 56, "clone3": 435, "denied": _X86_64},
    "aarch64": {"arch": 0xC00000B7, "clone": 220, "clone3": 435, "denied": _AARCH64},
}

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Never returns."""
    result = int(sys.argv[1])
    request = json.loads(sys.stdin.readline())
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    layers = ["limits"]
    layers += ["namespaces"] if _own_namespaces() else []
    _set_limits(request)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    layers += ["landlock"] if _restrict_files() else []
    layers += ["seccomp"] if _filter_calls() else []
    os.write(result, (" ".join(layers) + "\n").encode())
    if request["strict"] and not set(_NEEDED) <= set(layers):
        os._exit(1)
    try:
        exec(compile(request["program"], "<answer>", "exec"), {"__name__": "__main__"})
    except BaseException:
        os._exit(1)
    os.write(result, request["token"].encode())
    os._exit(0)


def _own_namespaces() -> bool:
    """No network, and a working directory in memory, of a size that cannot fill a disk."""
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWIPC):
        return False
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123  (pathlib takes time to import)
            file.write(content)
    here = os.getcwd()  # noqa: PTH109
    options = f"size={_TMPFS_BYTES},nr_inodes=1000".encode()
    if _libc.mount(b"tmpfs", here.encode(), b"tmpfs", 0, options) == 0:
        os.chdir(here)
    return True


def _set_limits(request: dict[str, int]) -> None:
    """The hard limits, too, so that they cannot be raised again."""
    for name, value in (
        (resource.RLIMIT_CPU, request["cpu_s"]),
        (resource.RLIMIT_AS, request["memory_bytes"]),
        (resource.RLIMIT_FSIZE, request["file_bytes"]),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def _restrict_files() -> bool:
    """Python's own files may be read, the working directory be written to; nothing else."""
    abi = _libc.syscall(_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return False
    handled = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1
    # Rights over files; then, as far as this kernel has them, over TCP ports, abstract sockets and signals.
    attributes = struct.pack("QQQ", handled, 3, 3)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sys.base_prefix}
    readable = [*sorted(paths), "/lib", "/lib64", "/usr/lib", "/dev/urandom"]
    writable = handled & ~1
    for path, access in [*((path, _READ) for path in readable), (".", writable), ("/dev/null", 0b110)]:
        _allow(ruleset, path, access)
    return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):  # noqa: PTH112
        access &= 0b110
    _libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, opened), 0)
    os.close(opened)


def _filter_calls() -> bool:
    """A program of classic BPF, instruction by instruction: (code, jump if true, jump if false, value)."""
    calls: dict[str, Any] | None = _SYSCALLS.get(platform.machine())
    if calls is None:
        return False
    load, equal, at_least, has_bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    denied, unknown, allowed, killed = 0x50000 | _EPERM, 0x50000 | _ENOSYS, 0x7FFF0000, 0x80000000
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, calls["arch"]),
        (give, 0, 0, killed),
        (load, 0, 0, 0),
        # x86-64 has a second table of calls from here on.
        (at_least, 0, 1, 0x40000000),
        (give, 0, 0, denied),
        # The libraries go back to clone, whose flags can be looked at.
        (equal, 0, 1, calls["clone3"]),
        (give, 0, 0, unknown),
    ]
    for number in calls["denied"]:
        program += [(equal, 0, 1, number), (give, 0, 0, denied)]
    program += [
        (equal, 0, 3, calls["clone"]),
        (load, 0, 0, 16),
        # A thread is none of its own: CLONE_THREAD.
        (has_bits, 1, 0, 0x10000),
        (give, 0, 0, denied),
        (give, 0, 0, allowed),
    ]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    return bool(_libc.prctl(_PR_SET_SECCOMP, 2, filters, 0, 0) == 0)


if __name__ == "__main__":
    main()
