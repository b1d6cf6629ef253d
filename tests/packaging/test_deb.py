# SPDX-License-Identifier: Apache-2.0
"""The Debian package, from what is committed to a machine without it: built, checked by lintian,
installed into a Debian root of its own, used, upgraded and purged.

Takes minutes, root, and the Debian mirror that apt uses here, so ctest knows it only after
-DTASKD_PACKAGE_TEST=ON. The bare root is kept between runs: TASKD_ROOT_CACHE, else a directory in
/var/tmp."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get(
    "TASKD_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CACHE = os.environ.get("TASKD_ROOT_CACHE", "/var/tmp/taskd-package-test")
CODENAME = "bookworm"
NEEDED = ("debootstrap", "dpkg-buildpackage", "dh", "lintian", "unshare")
NEWER = "0.1.0+upgrade1"
BUILD_MINUTES_MAX = 40


def run(*words, minutes=10, **keywords):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=minutes * 60, **keywords)


def good(*words, **keywords):
    done = run(*words, **keywords)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def mirror():
    """Where apt gets Debian from on this machine."""
    listed = good("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(SITE)",
                  "Created-By: Packages")
    for line in listed.splitlines():
        codename, component, site = line.split(" ", 2)
        if (codename, component) == (CODENAME, "main"):
            return site
    raise AssertionError(f"apt knows no mirror of Debian {CODENAME} here:\n{listed}")


def bare_root():
    """A minimal Debian, made once."""
    root = os.path.join(CACHE, CODENAME)
    if not os.path.exists(root):
        os.makedirs(CACHE, mode=0o700, exist_ok=True)
        making = tempfile.mkdtemp(dir=CACHE)
        good("debootstrap", "--variant=minbase", "--include=ca-certificates", CODENAME, making,
             mirror(), minutes=20)
        os.chmod(making, 0o755)
        os.rename(making, root)
    if os.stat(CACHE).st_uid != os.geteuid():
        raise AssertionError(f"{CACHE} belongs to somebody else")
    return root


def build(out, *version):
    good(os.path.join(SOURCE, "packaging", "build-deb"), out, *version,
         minutes=BUILD_MINUTES_MAX)


@unittest.skipUnless(os.geteuid() == 0, "a Debian root of its own needs root")
@unittest.skipUnless(all(shutil.which(program) for program in NEEDED),
                     f"some of {', '.join(NEEDED)} is not installed")
class Package(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="taskd-deb-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.root = os.path.join(self.scratch, "root")

    # ---- inside the root ---------------------------------------------------------------------------

    def inside(self, command, user="root"):
        """A shell command in the root, with mounts and processes that end with it."""
        script = ('mount --make-rprivate / && mount -t proc proc "$0/proc" && '
                  'mount -t tmpfs tmpfs "$0/dev" && '
                  'for node in null zero random urandom; do '
                  'touch "$0/dev/$node" && mount --bind "/dev/$node" "$0/dev/$node"; done && '
                  'exec chroot --userspec="$1" "$0" env -i HOME="$2" LANG=C.UTF-8 USER="$1" '
                  'PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -ec "$3"')
        home = "/root" if user == "root" else f"/home/{user}"
        return good("unshare", "--mount", "--pid", "--fork", "sh", "-c", script, self.root, user,
                    home, command)

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def install(self, folder):
        packages = [path for path in glob.glob(os.path.join(folder, "*.deb"))
                    if "dbgsym" not in path]
        self.assertEqual(len(packages), 2, packages)
        shutil.rmtree(self.root + "/debs", ignore_errors=True)
        os.mkdir(self.root + "/debs")
        for path in packages:
            shutil.copy(path, self.root + "/debs")
        return self.inside("apt-get install -y --no-install-recommends /debs/*.deb")

    # ---- the life of a package ----------------------------------------------------------------------

    def test_it_is_built_checked_installed_used_upgraded_and_purged(self):
        older, newer = (os.path.join(self.scratch, name) for name in ("older", "newer"))
        build(older)
        checked = run("lintian", "--fail-on", "error,warning", "--allow-root",
                      *glob.glob(os.path.join(older, "*.changes")))
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))

        good("cp", "-a", "--reflink=auto", bare_root(), self.root)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(os.path.join("/etc", name), self.root + "/etc/" + name)
        self.inside("apt-get update")
        self.inside("useradd --create-home ada")

        self.install(older)
        self.check_installed()
        old_version = self.inside("taskctl version", "ada")
        self.inside("taskctl add Water the plants --every day --at 18:00; taskctl done 1; "
                    "taskctl shutdown", "ada")
        self.write("/etc/taskd/taskd.toml", "[log]\nlevel = 'info'\n")
        self.write("/etc/taskd/mail.secret", "hush\n")
        self.write("/var/lib/taskd/taskd.db", "")

        build(newer, NEWER)
        self.install(newer)
        self.check_installed()
        self.assertIn(NEWER, self.inside("dpkg-query -W -f '${Version}' taskd"))
        # The program's own version is that of its source, which is the same.
        self.assertEqual(self.inside("taskctl version", "ada"), old_version)
        self.assertIn("Water the plants", self.inside("taskctl list; taskctl shutdown", "ada"))
        self.assertTrue(self.exists("/etc/taskd/taskd.toml"))
        self.assertTrue(self.exists("/var/lib/taskd/taskd.db"))

        shipped = [path for path in self.inside("dpkg -L taskd taskctl").splitlines()
                   if path.startswith("/") and not os.path.isdir(self.root + path)]
        self.assertGreater(len(shipped), 10)
        self.inside("apt-get remove -y taskd taskctl")
        self.assertEqual([path for path in shipped if self.exists(path)], [])
        self.assertTrue(self.exists("/etc/taskd/taskd.toml"))
        self.assertTrue(self.exists("/var/lib/taskd/taskd.db"))

        self.inside("apt-get purge -y taskd taskctl")
        self.check_purged()

    def check_installed(self):
        self.assertIn("taskd:x:", self.inside("getent group taskd"))
        self.assertIn(":/var/lib/taskd:/usr/sbin/nologin", self.inside("getent passwd taskd"))
        for path in ("/usr/bin/taskd", "/usr/bin/taskctl", "/usr/bin/taskctl-dapr",
                     "/lib/systemd/system/taskd.service", "/usr/lib/systemd/user/taskd.socket",
                     "/usr/lib/systemd/user/taskd.service"):
            self.assertTrue(self.exists(path), path)
        wanted = "/etc/systemd/system/multi-user.target.wants/taskd.service"
        self.assertTrue(self.exists(wanted))
        self.assertFalse(self.exists("/etc/systemd/user/sockets.target.wants/taskd.socket"))
        for page in os.listdir(os.path.join(SOURCE, "man")):
            if page[-1].isdigit():
                self.assertTrue(self.exists(f"/usr/share/man/man{page[-1]}/{page}.gz"), page)
        # What the manual tells an administrator to do first.
        self.inside("adduser --quiet ada taskd 2>/dev/null || usermod -aG taskd ada")
        self.assertIn("good", self.inside("taskd --check-config"))

    def check_purged(self):
        for path in ("/var/lib/taskd", "/etc/taskd/taskd.toml",
                     "/etc/systemd/system/multi-user.target.wants/taskd.service"):
            self.assertFalse(self.exists(path), path)
        # What is not the package's stays: a secret, a person's own store.
        self.assertTrue(self.exists("/etc/taskd/mail.secret"))
        self.assertTrue(self.exists("/home/ada/.local/state/taskd/taskd.db"))
        self.assertNotIn("taskd", self.inside("dpkg-query -W -f '${Package} '"))


if __name__ == "__main__":
    unittest.main()
