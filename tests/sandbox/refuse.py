"""Executes a command that the system refuses some calls, as an old kernel or a sandbox does.

    refuse.py missing|forbidden|linux-3.6|no-ipv6|no-prctl COMMAND...

The filter of seccomp is inherited by all that the command starts. Exits with 75, and a line that
says why, if the system knows no filters.
"""

import ctypes
import os
import platform
import struct
import sys

# The same on all machines but Alpha and MIPS.
PIDFD_OPEN, CLOSE_RANGE = 434, 436
ENOSYS, EPERM, EAFNOSUPPORT = 38, 1, 97
# The call that makes a socket, and the family of addresses that it is given.
SOCKET, AF_INET6 = {"x86_64": 41, "aarch64": 198}.get(platform.machine()), 10
# The call about a process as a whole, and what may be refused of it.
PRCTL = {"x86_64": 157, "aarch64": 167}.get(platform.machine())
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
# The last call that x86-64 had in Linux 3.6 (kcmp). Other machines count differently.
LAST_OF_LINUX_3_6 = 312

# Instructions (linux/bpf_common.h), and what they are about (linux/seccomp.h).
LOAD, EQUAL, GREATER, RETURN = 0x20, 0x15, 0x25, 0x06
NUMBER_AT = 0
# The lower half of the first argument, on a machine that puts it first.
ARGUMENT_AT = 16
ALLOW, FAIL = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38

# The test that a call must meet to be refused, and the error that it gets then.
FILTERS = {
    "missing": ([(EQUAL, PIDFD_OPEN), (EQUAL, CLOSE_RANGE)], ENOSYS),
    "forbidden": ([(EQUAL, PIDFD_OPEN), (EQUAL, CLOSE_RANGE)], EPERM),
    "linux-3.6": ([(GREATER, LAST_OF_LINUX_3_6)], ENOSYS),
}


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


NO_IPV6, NO_PRCTL = "no-ipv6", "no-prctl"


def known():
    """The filters of old kernels that mean on this machine what they say."""
    is_x86_64 = platform.machine() == "x86_64" and sys.maxsize > 2**32
    return [name for name in FILTERS if is_x86_64 or name != "linux-3.6"]


def without_ipv6():
    """No socket of IPv6 is made, as by a kernel that has none."""
    return without(SOCKET, [AF_INET6], EAFNOSUPPORT)


def without_prctl():
    """A process may neither hide its memory nor adopt what its programs leave."""
    return without(PRCTL, [PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER], EPERM)


def without(call, first_arguments, error):
    """A call fails whose first argument is one of these."""
    left = range(len(first_arguments) - 1, -1, -1)
    code = [
        (LOAD, 0, 0, NUMBER_AT),
        (EQUAL, 0, len(first_arguments) + 2, call),
        (LOAD, 0, 0, ARGUMENT_AT),
        # A jump over the arguments that are left; from the last one, over the failure.
        *((EQUAL, more, 0 if more else 1, value) for more, value in zip(left, first_arguments)),
        (RETURN, 0, 0, FAIL | error),
        (RETURN, 0, 0, ALLOW),
    ]
    return packed(code)


def filter_by(tests, error):
    code = [(LOAD, 0, 0, NUMBER_AT)]
    for at, (test, number) in enumerate(tests):
        # Over the tests that are left, and over what allows.
        code.append((test, len(tests) - at, 0, number))
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, FAIL | error)]
    return packed(code)


def packed(code):
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def refuse(name):
    """This process is refused these calls after this."""
    others = {NO_IPV6: without_ipv6, NO_PRCTL: without_prctl}
    code = others[name]() if name in others else filter_by(*FILTERS[name])
    code = ctypes.create_string_buffer(code)
    # One byte more is behind the code, a zero.
    program = Program((len(code) - 1) // 8, ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    for words in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0),
    ):
        if prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "the system takes no filter")


def main():
    name, *command = sys.argv[1:]
    try:
        refuse(name)
    except OSError as error:
        print(f"refuse.py: {error}", file=sys.stderr)
        sys.exit(75)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
