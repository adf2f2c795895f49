#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An executor that speaks exec.h and maps nothing, for tests of vgpu-backend.

The file named by FAKE_EXEC_MODE holds a word that is read at each start and
at each ASSIGN: ok, no-driver, hang-start, crash-start, hang-map, fail-map,
crash-map, deaf (STOP is not heard), garbage.
Once connected: SIGUSR1 ends it as if the guest process had left (15), SIGUSR2
as if the guest had broken the protocol (10).
"""
import mmap
import os
import signal
import socket
import struct
import sys
import time

HELLO, ASSIGN, READY, FAILED, ENDED, STOP = 1, 2, 3, 4, 5, 6
MSG = struct.Struct("=11I16s16s41s256s3x")  # struct exec_msg, padded to words


def mode():
    try:
        with open(os.environ["FAKE_EXEC_MODE"], encoding="ascii") as f:
            return f.read().strip()
    except (KeyError, OSError):
        return "ok"


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


def send(sock, kind, error=0, text="", driver=0, devices=0):
    sock.send(MSG.pack(kind, error, driver, devices, 0, 0, 0, 0, 0, 0, 0,
                       b"", b"", b"", text.encode()))


def end(sock, error, text):
    send(sock, ENDED, error, text)
    sys.exit(0)


def start(sock):
    how = mode()
    if how == "no-driver":
        send(sock, FAILED, 11, option("--driver") + ": no such file")
        sys.exit(1)
    if how == "hang-start":
        time.sleep(600)
    if how == "crash-start":
        os.kill(os.getpid(), signal.SIGSEGV)
    send(sock, HELLO, driver=13000, devices=1)


def count(fd, sid):
    """Numbers that a test can know again: calls 7, launches 3, memory 4096."""
    words = [7, 2, 3, 0, 100, 200, 4096, 8192, 5, 1, 1, 0, 9]
    with mmap.mmap(fd, 8 * len(words)) as page:
        page[:] = struct.pack("=%dQ" % len(words), *words)
    os.close(fd)


def assigned(sock, data, fds):
    how = mode()
    sid = MSG.unpack(data)[13].rstrip(b"\0").decode()
    count(fds[0], sid)
    if how == "hang-map":
        time.sleep(600)
    if how == "crash-map":
        os.kill(os.getpid(), signal.SIGABRT)
    if how == "garbage":
        sock.send(b"short")
        time.sleep(600)
    if how == "fail-map":
        send(sock, FAILED, 9, "grant reference 8 is not ours to map")
        sys.exit(1)
    signal.signal(signal.SIGUSR1, lambda *_: end(sock, 15, ""))
    signal.signal(signal.SIGUSR2, lambda *_: end(sock, 10, "record 5"))
    send(sock, READY)


def main():
    sock = socket.socket(fileno=int(option("--control-fd")))
    start(sock)
    while True:
        data, fds, _, _ = socket.recv_fds(sock, MSG.size, 1)
        if not data:
            sys.exit(0)
        kind = MSG.unpack(data)[0]
        if kind == ASSIGN:
            assigned(sock, data, fds)
        elif kind == STOP and mode() != "deaf":
            end(sock, 14, "")


main()
