#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A double of systemd's manager, for units that a test starts:
`/usr/bin/python3 tests/support/service_manager.py --address BUS`.

It owns org.freedesktop.systemd1 and does of org.freedesktop.systemd1(5) what transient services need:
StartTransientUnit, StopUnit, UnrefUnit, RefUnit, Subscribe, and the properties and signals of units. It
runs the programs, with the descriptors that it is given, each in a session of its own, which stands for
the control group. One JSON line of standard input is one command, {"do": NAME, ...}; each is acknowledged
by {"did": NAME}. Each call that comes in is a line as well: {"call": "StopUnit", "unit": NAME, ...}. The
first line is {"did": "start"}. Ends with its standard input, and leaves the programs.

    refuse error        answers StartTransientUnit with this D-Bus error; "" for no longer
    hang                is acknowledged, and then handles nothing any more until another line comes
    leave               no manager any more: its connection ends
    return              as one that was executed anew: another connection, the same units
    units               answers with {"units": {NAME: PID}}
"""

import argparse
import json
import os
import signal
import sys

import dbus.bus
import dbus.lowlevel
from gi.repository import GLib
from dbus.mainloop.glib import DBusGMainLoop

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = NAME + ".Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
EXIT_CHDIR, EXIT_EXEC = 200, 203  # systemd.exec(5)
HANDLED = dbus.lowlevel.HANDLER_RESULT_HANDLED


def path_of(name):
    """As sd_bus_path_encode(3) has it."""
    return PATH + "/unit/" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):02x}" for c in name)


def plain(value):
    """D-Bus values as JSON has them; a descriptor is what it leads to."""
    if isinstance(value, dbus.types.UnixFd):
        return "descriptor"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or isinstance(value, dbus.Boolean):
        return bool(value)
    return str(value) if isinstance(value, str) else int(value)


class Unit:
    """One service and its processes."""

    def __init__(self, manager, name, properties, owner):
        self.manager, self.name, self.owner = manager, name, owner
        self.properties = properties
        self.state, self.code, self.status, self.pid = "inactive", 0, 0, 0
        self.killer = 0

    def start(self):
        """Gives whether the program began: Type=exec."""
        path, argv, flags = self.properties["ExecStartEx"][0]
        if list(flags) != ["no-env-expand"]:
            raise ValueError("the double expands nothing")
        files = [self.properties.get(f"Standard{stream}FileDescriptor") for stream in
                 ("Input", "Output", "Error")]
        files = [os.open(os.devnull, os.O_RDWR) if file is None else file.take() for file in files]
        ready, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = EXIT_EXEC
            try:
                os.setsid()
                for number, file in enumerate(files):
                    os.dup2(file, number)
                os.set_inheritable(told, False)
                os.umask(int(self.properties["UMask"]))
                signal.signal(signal.SIGPIPE, signal.SIG_IGN if self.properties.get("IgnoreSIGPIPE", True)
                              else signal.SIG_DFL)
                status = EXIT_CHDIR
                os.chdir(self.properties["WorkingDirectory"])
                status = EXIT_EXEC
                os.closerange(3, told)
                os.closerange(told + 1, 1024)
                os.execve(path, [str(word) for word in argv],
                          {"INVOCATION_ID": "0" * 32,
                           **dict(str(line).split("=", 1) for line in self.properties["Environment"])})
            finally:
                os.write(told, b"x")
                os._exit(status)
        os.close(told)
        for file in files:
            os.close(file)
        failed = os.read(ready, 1) == b"x"
        os.close(ready)
        self.state = "activating" if failed else "active"
        GLib.child_watch_add(GLib.PRIORITY_DEFAULT, self.pid, self.ended)
        return not failed

    def kill(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def stop(self):
        """TERM for all, and KILL for what is left after TimeoutStopUSec."""
        if self.state in ("inactive", "failed", "deactivating"):
            return
        self.state = "deactivating"
        self.manager.changed(self)
        self.kill(signal.SIGTERM)
        self.killer = GLib.timeout_add(int(self.properties["TimeoutStopUSec"]) // 1000, self.kill_all)

    def kill_all(self):
        self.killer = 0
        self.kill(signal.SIGKILL)
        return False

    def ended(self, pid, status):
        self.code = os.CLD_KILLED if os.WIFSIGNALED(status) else os.CLD_EXITED
        self.status = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if self.state != "deactivating":
            self.stop()  # KillMode=control-group: what it left
        self.wait_for_rest()

    def wait_for_rest(self):
        if self.kill(0):
            GLib.timeout_add(10, self.wait_for_rest)
            return False
        if self.killer:
            GLib.source_remove(self.killer)
        self.state = "failed" if self.code == os.CLD_KILLED or self.status else "inactive"
        self.manager.unit_ended(self)
        return False


class Manager:
    def __init__(self, address):
        self.address, self.units, self.subscribed, self.jobs, self.refusal = address, {}, set(), 0, ""
        self.connection = None
        self.do_return()

    def say(self, **line):
        print(json.dumps(line), flush=True)

    # What is told to everybody.

    def emit(self, path, interface, member, signature, *values):
        if not self.connection or not self.subscribed:
            return
        message = dbus.lowlevel.SignalMessage(path, interface, member)
        message.append(*values, signature=signature)
        self.connection.send_message(message)

    def changed(self, unit):
        self.emit(path_of(unit.name), PROPERTIES, "PropertiesChanged", "sa{sv}as", NAME + ".Unit",
                  {"ActiveState": unit.state}, [])

    def job_removed(self, job, unit, result):
        self.emit(PATH, MANAGER, "JobRemoved", "uoss", job, f"{PATH}/job/{job}", unit, result)

    def unit_ended(self, unit):
        self.changed(unit)
        for job in unit.__dict__.pop("stops", []):
            self.job_removed(job, unit.name, "done")
        for job in unit.__dict__.pop("starts", []):
            self.job_removed(job, unit.name, "failed")
        self.collect(unit)

    def collect(self, unit):
        if unit.state in ("inactive", "failed") and not unit.owner:
            self.units.pop(unit.name, None)

    # What comes from the bus.

    def handle(self, connection, message):
        if message.get_type() == dbus.lowlevel.MESSAGE_TYPE_SIGNAL:
            if message.get_member() == "NameOwnerChanged":
                self.owner_changed(*message.get_args_list())
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        if message.get_type() != dbus.lowlevel.MESSAGE_TYPE_METHOD_CALL:
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        method = getattr(self, "on_" + message.get_member(), None)
        try:
            if method is None:
                raise dbus.DBusException(name="org.freedesktop.DBus.Error.UnknownMethod")
            signature, *values = method(message, *message.get_args_list())
            reply = dbus.lowlevel.MethodReturnMessage(message)
            reply.append(*values, signature=signature)
        except dbus.DBusException as error:
            reply = dbus.lowlevel.ErrorMessage(message, error.get_dbus_name(), error.get_dbus_message() or "no")
        if not message.get_no_reply():
            connection.send_message(reply)
        for job, unit, result in self.__dict__.pop("done", []):  # behind the reply
            self.job_removed(job, unit, result)
            if unit in self.units:
                self.changed(self.units[unit])
        return HANDLED

    def owner_changed(self, name, before, after):
        if after or name != before:
            return
        self.subscribed.discard(name)
        for unit in list(self.units.values()):
            unit.owner = None if unit.owner == name else unit.owner
            self.collect(unit)

    def on_Subscribe(self, message):
        self.say(call="Subscribe")
        self.subscribed.add(message.get_sender())
        return ("",)

    def on_StartTransientUnit(self, message, name, mode, properties, auxiliary):
        values = {str(key): value for key, value in properties}
        self.say(call="StartTransientUnit", unit=str(name), mode=str(mode), properties=plain(values))
        if self.refusal:
            raise dbus.DBusException("it is not for you", name=self.refusal)
        if str(name) in self.units:
            raise dbus.DBusException("it exists", name=NAME + ".UnitExists")
        unit = Unit(self, str(name), values, message.get_sender() if values.get("AddRef") else None)
        self.units[unit.name] = unit
        self.jobs += 1
        if unit.start():
            self.done = [(self.jobs, unit.name, "done")]
        else:
            unit.starts = [self.jobs]
        return "o", f"{PATH}/job/{self.jobs}"

    def find(self, name):
        if str(name) not in self.units:
            raise dbus.DBusException("it is not loaded", name=NAME + ".NoSuchUnit")
        return self.units[str(name)]

    def on_StopUnit(self, message, name, mode):
        self.say(call="StopUnit", unit=str(name))
        unit = self.find(name)
        self.jobs += 1
        unit.stop()
        if unit.state == "deactivating":
            unit.stops = getattr(unit, "stops", []) + [self.jobs]
        else:
            self.done = [(self.jobs, unit.name, "done")]
        return "o", f"{PATH}/job/{self.jobs}"

    def on_UnrefUnit(self, message, name):
        self.say(call="UnrefUnit", unit=str(name))
        unit = self.find(name)
        if unit.owner != message.get_sender():
            raise dbus.DBusException("it is not yours", name=NAME + ".NotReferenced")
        unit.owner = None
        self.collect(unit)
        return ("",)

    def at(self, message):
        for unit in self.units.values():
            if path_of(unit.name) == message.get_path():
                return unit
        raise dbus.DBusException("there is none", name="org.freedesktop.DBus.Error.UnknownObject")

    def on_Get(self, message, interface, name):
        unit = self.at(message)
        return "v", {"ActiveState": unit.state}[str(name)]

    def on_GetAll(self, message, interface):
        unit = self.at(message)
        return "a{sv}", {"Type": "exec", "ExecMainPID": dbus.UInt32(unit.pid),
                         "ExecMainCode": dbus.Int32(unit.code), "ExecMainStatus": dbus.Int32(unit.status)}

    # What the test wants.

    def command(self, line):
        command = json.loads(line)
        name = command.pop("do")
        more = getattr(self, "do_" + name)(**command) or {}
        if self.connection:
            self.connection.flush()
        self.say(did=name, **more) if name != "hang" else self.say(did="go")

    def do_hang(self):
        self.say(did="hang")
        os.read(sys.stdin.fileno(), 65536)  # "go", which is what is acknowledged

    def do_refuse(self, error):
        self.refusal = error

    def do_units(self):
        return {"units": {name: unit.pid for name, unit in self.units.items()}}

    def do_leave(self):
        self.connection.close()
        self.connection = None

    def do_return(self):
        self.connection = dbus.bus.BusConnection(self.address)
        self.connection.set_exit_on_disconnect(False)
        self.connection.add_message_filter(self.handle)
        self.connection.add_match_string_non_blocking(
            "type='signal',interface='org.freedesktop.DBus',member='NameOwnerChanged'")
        self.connection.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default=os.environ.get("DBUS_SESSION_BUS_ADDRESS"), help="of the bus")
    options = parser.parse_args()
    DBusGMainLoop(set_as_default=True)
    loop = GLib.MainLoop()
    manager = Manager(options.address)
    manager.say(did="start")
    rest = b""

    def read(channel, condition):
        nonlocal rest
        chunk = os.read(channel, 65536)
        if not chunk:
            os._exit(0)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            manager.command(line)
        return True

    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
    loop.run()


if __name__ == "__main__":
    main()
