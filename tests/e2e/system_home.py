# SPDX-License-Identifier: Apache-2.0
"""A system daemon with a user database of its own, and clients that have real uids."""

import glob
import json
import os
import re
import select
import shutil
import signal
import subprocess
import unittest

import support

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
WRAPPER = next(iter(glob.glob("/usr/lib/*/libnss_wrapper.so")), None)

# Far from what a machine has. dora is no member; carol is one by her primary group.
UIDS = {"root": 0, "taskd": 70000, "ada": 70001, "bob": 70002, "carol": 70003, "dora": 70004}
MEMBERS = ("ada", "bob")


def require():
    """Skips what can't be tried here, and says why."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: clients have uids of their own")
    if WRAPPER is None:
        raise unittest.SkipTest("libnss-wrapper is not installed")


class Peer:
    """A client process; see peer.py for what it can do."""

    def __init__(self, uid):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, user=uid, group=uid, extra_groups=[], env={"PATH": "/usr/bin:/bin"})

    def __getattr__(self, name):
        def ask(**arguments):
            self.process.stdin.write(json.dumps({"do": name, "with": arguments}) + "\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], 4 * support.DEADLINE)[0]:
                raise AssertionError(f"{name}: the client does not answer")
            return json.loads(self.process.stdout.readline())
        return ask

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()


class SystemHome(support.Home):
    def __init__(self):
        super().__init__()
        self.peers = {}
        self.changes = 0
        self.names = dict(UIDS)
        self.members = list(MEMBERS)
        os.chmod(self.path, 0o755)
        self.root = os.path.join(self.path, "sockets")
        self.state = os.path.join(self.path, "system-state")
        self.config = os.path.join(self.path, "etc")
        self.endpoint = self.directory("root")
        self.store = os.path.join(self.state, "taskd.db")
        for path, mode in ((self.root, 0o755), (self.state, 0o700), (self.config, 0o755)):
            os.mkdir(path, mode)
            os.chown(path, UIDS["taskd"], UIDS["taskd"])
        self.passwd = os.path.join(self.path, "passwd")
        self.group = os.path.join(self.path, "group")
        self.write_accounts()
        self.env.update({
            "CONFIGURATION_DIRECTORY": self.config, "STATE_DIRECTORY": self.state,
            "RUNTIME_DIRECTORY": self.root, "LD_PRELOAD": WRAPPER,
            "NSS_WRAPPER_PASSWD": self.passwd, "NSS_WRAPPER_GROUP": self.group,
            "NSS_WRAPPER_DISABLE_DEEPBIND": "1"})  # which the sanitizers refuse
        if "ASAN_OPTIONS" in self.env:
            self.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"

    # ---- accounts and configuration --------------------------------------------------------------

    def write_accounts(self):
        self.changes += 1
        with open(self.passwd, "w", encoding="ascii") as file:
            for name, uid in self.names.items():
                gid = UIDS["taskd"] if name in ("taskd", "carol") else uid
                file.write(f"{name}:x:{uid}:{gid}::/nonexistent:/bin/sh\n")
        with open(self.group, "w", encoding="ascii") as file:
            file.write("root:x:0:\n")
            file.write(f"taskd:x:{UIDS['taskd']}:{','.join(self.members)}\n")
        for path in (self.passwd, self.group):
            # The wrapper looks at whole seconds to see that a file has changed.
            os.utime(path, (1_700_000_000 + self.changes,) * 2)

    def write_config(self, text):
        path = os.path.join(self.config, "taskd.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def reload(self, expect="reload"):
        """SIGHUP; gives what the log says of it."""
        seen = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        # Between turns: whoever is answered after the last line of the log knows it is over.
        support.wait_for(lambda: expect in self.log()[seen:], f"the log says {expect}")
        self.result("admin.health")
        return self.log()[seen:]

    # ---- the daemon ------------------------------------------------------------------------------

    def start(self, *arguments, binary=None, limit=None):
        ready, report = os.pipe()
        os.set_inheritable(report, True)
        prefix = ["prlimit", f"--nofile={limit}"] if limit else []
        self.process = subprocess.Popen(
            [*prefix, "setpriv", f"--reuid={UIDS['taskd']}", f"--regid={UIDS['taskd']}",
             "--clear-groups", binary or support.TASKD, "--system", "--background-fd", str(report),
             *arguments], env=self.env, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(report)
        if not select.select([ready], [], [], support.DEADLINE)[0]:
            raise AssertionError("taskd did not get ready")
        line = os.read(ready, 4096).decode()
        os.close(ready)
        if line != "ready\n":
            self.process.wait(support.DEADLINE)
            self.process = None
        return line.strip()

    def log(self):
        path = os.path.join(self.state, "taskd.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    # ---- clients ---------------------------------------------------------------------------------

    def directory(self, name):
        return os.path.join(self.path, "sockets", f"u{UIDS[name]}")

    def requests(self, name):
        return self.directory(name) + "/requests.sock"

    def events(self, name):
        return self.directory(name) + "/events.sock"

    def peer(self, name):
        """The process of that user; made when it is first asked for."""
        if name not in self.peers:
            self.peers[name] = Peer(UIDS[name])
        return self.peers[name]

    def ask(self, user, method, /, **params):
        """The user's whole reply, from their own socket."""
        peer = self.peer(user)
        peer.open(name="ask", kind="req", path=self.requests(user))
        peer.send(name="ask", method=method, params=params)
        reply = peer.receive(name="ask", ms=int(support.DEADLINE * 1000))
        peer.close(name="ask")
        if reply is None:
            raise AssertionError(f"no reply to {method}")
        return json.loads(reply[0])

    def get(self, user, method, /, **params):
        reply = self.ask(user, method, **params)
        if "result" not in reply:
            raise AssertionError(f"{method}: {reply}")
        return reply["result"]

    def refusal(self, user, method, /, **params):
        reply = self.ask(user, method, **params)
        if "error" not in reply:
            raise AssertionError(f"{method}: {reply}")
        return reply["error"]

    def taskctl_as(self, user, *arguments):
        """taskctl as that user has it: this daemon's sockets in /run/taskd, and nothing set."""
        script = ('mount -t tmpfs tmpfs /run && mkdir /run/taskd && mount --bind "$1" /run/taskd'
                  ' && id="$2" && shift 2 && exec setpriv --reuid "$id" --regid "$id"'
                  ' --clear-groups "$@"')
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", self.root, str(UIDS[user]),
             support.TASKCTL, *arguments],
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "TZ": "UTC",
                 "LANG": "C.UTF-8"}, capture_output=True, text=True,
            timeout=2 * support.DEADLINE, check=False, stdin=subprocess.DEVNULL)

    def close(self):
        for peer in self.peers.values():
            peer.kill()
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        if self.context is not None:
            self.context.destroy(linger=0)
        shutil.rmtree(self.path, ignore_errors=True)


class TestCase(unittest.TestCase):
    def setUp(self):
        require()
        self.home = SystemHome()
        self.addCleanup(self.home.close)

    def start(self, *arguments, **options):
        self.assertEqual(self.home.start(*arguments, **options), "ready")
