# SPDX-License-Identifier: Apache-2.0
"""taskd under the system unit's limits on system calls, built from the unit as systemd builds them.

Beside SystemCallFilter: NoNewPrivileges, RestrictAddressFamilies, MemoryDenyWriteExecute,
RestrictRealtime and RestrictNamespaces. RestrictSUIDSGID is not: taskd makes no such file."""

import errno
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import unittest

import support

try:
    import seccomp
except ImportError:
    seccomp = None

UNIT = os.path.join(support.SOURCE, "packaging", "systemd", "taskd.service")
WRITE_EXECUTE = 0x2 | 0x4  # PROT_WRITE, PROT_EXEC
EXECUTE = 0x4
NAMESPACES = 0x7E020000 | 0x80  # the CLONE_NEW flags
ORDINARY = (0, 3, 5)  # SCHED_OTHER, SCHED_BATCH, SCHED_IDLE


def settings(name):
    """The values of a setting of the unit, in order."""
    with open(UNIT, encoding="utf-8") as file:
        return re.findall(rf"^{name}=(.*)$", file.read(), re.M)


def expand(word):
    """A system call, or those of a group and the groups in it."""
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True,
                            text=True, check=True).stdout.splitlines()[1:]
    found = set()
    for line in listed:
        if line.strip() and not line.strip().startswith("#"):
            found |= expand(line.strip())
    return found


def allowed():
    """The system calls that SystemCallFilter leaves: lines add, lines with ~ take away."""
    calls = expand("@default")
    for line in settings("SystemCallFilter"):
        take_away = line.startswith("~")
        for word in line.lstrip("~").split():
            calls = calls - expand(word) if take_away else calls | expand(word)
    return calls


def confine(calls):
    """Puts this process, which is about to become taskd, under the unit's limits."""
    number = getattr(errno, settings("SystemCallErrorNumber")[0])
    filters = seccomp.SyscallFilter(seccomp.ERRNO(number))
    families = [getattr(socket, name) for name in settings("RestrictAddressFamilies")[0].split()]
    arg, masked = seccomp.Arg, seccomp.MASKED_EQ
    conditions = {
        "socket": [[arg(0, seccomp.EQ, family)] for family in families],
        "mmap": [[arg(2, masked, WRITE_EXECUTE, bits)] for bits in (0, 0x2, 0x4)],
        "mprotect": [[arg(2, masked, EXECUTE, 0)]],
        "pkey_mprotect": [[arg(2, masked, EXECUTE, 0)]],
        "sched_setscheduler": [[arg(1, seccomp.EQ, policy)] for policy in ORDINARY],
        "unshare": [[arg(0, masked, NAMESPACES, 0)]],
        "clone": [[arg(0, masked, NAMESPACES, 0)]],
    }
    for name in sorted(calls - {"setns"}):
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) < 0:
            continue  # a call of another architecture
        if name == "clone3":
            # Its flags are out of a filter's reach; the C library falls back to clone.
            filters.add_rule(seccomp.ERRNO(errno.ENOSYS), name)
            continue
        for condition in conditions.get(name, [[]]):
            filters.add_rule(seccomp.ALLOW, name, *condition)
    filters.load()  # with NoNewPrivileges


# Sanitizers themselves make calls that the unit forbids.
@unittest.skipIf(support.is_sanitized(), "taskd is built with sanitizers")
@unittest.skipUnless(seccomp and shutil.which("systemd-analyze"),
                     "python3-seccomp or systemd-analyze is not installed")
class Confined(support.TestCase):
    def start(self, calls):
        ready, report = os.pipe()

        def before_exec():
            limit = min(int(settings("LimitNOFILE")[0]),
                        resource.getrlimit(resource.RLIMIT_NOFILE)[1])
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            confine(calls)

        self.home.process = subprocess.Popen(
            [support.TASKD, "--background-fd", str(report)], env=self.home.env,
            pass_fds=[report], preexec_fn=before_exec, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(report)
        with open(ready, encoding="utf-8") as file:
            return file.readline()

    def status(self):
        with open(f"/proc/{self.home.process.pid}/status", encoding="ascii") as file:
            return {line.partition(":")[0]: line.partition(":")[2].strip() for line in file}

    def run_taskctl(self, *words):
        done = self.home.taskctl(*words, "--no-start")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_it_serves_and_runs_a_channel_and_ends(self):
        self.assertEqual(self.start(allowed()), "ready\n")
        status = self.status()
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))

        rang = os.path.join(self.home.path, "rang")
        os.mkfifo(rang)
        self.run_taskctl("channels", "set", "bell", "exec", "--default", "--", "sh", "-c",
                         f'echo "$TASKD_SUMMARY" >{rang}')
        self.run_taskctl("add", "Water the plants", "--every", "day", "--at", "18:00")
        self.run_taskctl("done", "1")
        self.run_taskctl("add", "Tea", "--at", "in 1 second", "--remind", "0")
        with open(rang, encoding="utf-8") as file:
            self.assertEqual(file.readline(), "Tea\n")
        support.wait_for(lambda: "succeeded" in self.run_taskctl("deliveries"), "the delivery")
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)

        # A store that was killed is recovered and checked under the same limits.
        self.assertEqual(self.start(allowed()), "ready\n")
        self.run_taskctl("add", "Rent")
        self.home.kill(signal.SIGKILL)
        self.assertEqual(self.start(allowed()), "ready\n")
        self.assertIn("Rent", self.run_taskctl("list"))
        self.assertEqual(self.home.kill(signal.SIGTERM), 0)

    def test_libzmq_ends_the_process_if_its_scheduling_is_refused(self):
        # Why the unit allows the one call of @resources.
        # The I/O thread sets it when it begins, so "ready" may come first.
        self.start(allowed() - {"sched_setscheduler"})
        self.assertEqual(self.home.process.wait(support.DEADLINE), -signal.SIGABRT)
        self.home.process = None

    def test_the_limits_hold(self):
        # The same limits on a program that tries what they forbid.
        tries = ("import ctypes, os, socket\n"
                 "libc = ctypes.CDLL(None, use_errno=True)\n"
                 "def refused(call):\n"
                 "    try:\n"
                 "        return call() == -1 and ctypes.get_errno() == 1\n"
                 "    except PermissionError:\n"
                 "        return True\n"
                 "print([refused(call) for call in (\n"
                 "    lambda: os.chown('/', 0, 0),\n"
                 "    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),\n"
                 "    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),\n"
                 "    lambda: libc.unshare(0x10000000),\n"
                 "    lambda: libc.mount(b'x', b'/', None, 0, None),\n"
                 "    lambda: os.getpid())])\n")
        done = subprocess.run(["/usr/bin/python3", "-c", tries], capture_output=True, text=True,
                              check=False, preexec_fn=lambda: confine(allowed()))
        self.assertEqual((done.stdout, done.stderr), (f"{[True] * 5 + [False]}\n", ""))


if __name__ == "__main__":
    unittest.main()
