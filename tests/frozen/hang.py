"""Runs a command beside a disk that hangs: python3 hang.py SINCE FOLDER COMMAND...

SINCE says from when on: `stat`, before FOLDER is described, or `list`, when what is in it is
asked for. It is a FUSE file system, mounted in the mount namespace of this process, and served by a
process of its own until the command has ended. To be run as root, or as that of a user namespace.

A request that hangs is not read: the system waits for one that was read whatever signals come. The
first one has `hangs` written to standard error.
"""

import ctypes
import os
import select
import struct
import sys

# The numbers of requests, and the version of the protocol, as in linux/fuse.h.
GETATTR, INIT, OPENDIR = 3, 26, 27
MAJOR, MINOR = 7, 31
HEAD_BYTES = 40
ENOSYS = 38


def main():
    since, folder, *command = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40755,user_id=0,group_id=0"
    if libc.mount(b"hang", folder.encode(), b"fuse.hang", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    # The command holds one end of a pipe until it has ended.
    end, held = os.pipe()
    # A child of a child is none of the command's.
    if os.fork() == 0:
        if os.fork() == 0:
            os.close(held)
            serve(device, INIT if since == "stat" else OPENDIR, end)
        os._exit(0)
    os.wait()
    os.close(device)
    os.set_inheritable(held, True)
    os.execv(command[0], command)


def serve(device, last, end):
    """Answers requests up to the first one of the last kind."""
    kind = None
    while kind != last:
        ready, _, _ = select.select([device, end], [], [])
        if end in ready:
            return
        request = os.read(device, 1 << 17)
        _, kind, number, _ = struct.unpack_from("<IIQQ", request)
        error, answer = reply(kind, request)
        head = struct.pack("<IiQ", 16 + len(answer), -error, number)
        os.write(device, head + answer)
    select.select([device, end], [], [])
    os.write(sys.stderr.fileno(), b"hangs\n")
    select.select([end], [], [])


def reply(kind, request):
    if kind == INIT:
        readahead = struct.unpack_from("<IIII", request, HEAD_BYTES)[2]
        return 0, struct.pack("<IIIIHHI", MAJOR, MINOR, readahead, 0, 12, 9, 65_536) + bytes(40)
    if kind == GETATTR:
        # It holds for an hour. Then the number, sizes and times, and a folder with two links.
        numbers = struct.pack("<6Q3I", 1, 0, 0, 0, 0, 0, 0, 0, 0)
        return 0, struct.pack("<QII", 3_600, 0, 0) + numbers + struct.pack(
            "<7I", 0o40755, 2, 0, 0, 0, 4_096, 0)
    if kind == OPENDIR:
        return 0, bytes(16)
    return ENOSYS, b""


main()
