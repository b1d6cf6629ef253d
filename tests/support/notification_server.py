#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A notification service of a test: `/usr/bin/python3 tests/support/notification_server.py --address BUS`.

It shows nothing and does what it is told, wrong things too. One JSON line of standard input is one
command, {"do": NAME, ...}; each is acknowledged by {"did": NAME} once it is done and the bus has it.
Every call that comes in is a line as well: {"call": "Notify", "sender": ":1.2", "id": 1, ...}. The
first line is {"did": "start"}. Ends with its standard input.

    action id key [by]          ActionInvoked, by the server, or by another: "stranger" (a broadcast),
    closed id reason [by]       "stranger to" (to the last caller alone), "former" (the same, by the
                                one before `restart`)
    owner name [by]             NameOwnerChanged, which only the bus may say
    reply id                    answers the last call, but by a stranger
    hang [calls]                leaves these calls unanswered (all): ["Notify"]
    go                          answers them, and later ones again
    answer with                 how to answer Notify: "id", "zero", "text", "error", "silence"
    capabilities words          what GetCapabilities says
    restart [keep]              a new connection, ids from 1; with `keep` the old one stays on the bus
    leave                       no service any more
"""

import argparse
import json
import os
import sys

import dbus.bus
import dbus.lowlevel
from gi.repository import GLib
from dbus.mainloop.glib import DBusGMainLoop

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
BUS = "org.freedesktop.DBus"
FIELDS = ("app_name", "replaces_id", "app_icon", "summary", "body", "actions", "hints", "expire_timeout")


def plain(value):
    """D-Bus values as JSON has them; bytes as numbers."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return int(value)


class Server:
    def __init__(self, address, capabilities, quiet):
        self.address, self.capabilities, self.quiet = address, capabilities, quiet
        self.connection = self.former = None
        self.hanging, self.waiting, self.answer = [], [], "id"
        self.caller, self.last_call = "", None
        self.stranger = None
        self.do_restart()

    def say(self, **line):
        if not self.quiet:
            print(json.dumps(line), flush=True)

    # What comes from the bus.

    def handle(self, connection, message):
        if message.get_type() != dbus.lowlevel.MESSAGE_TYPE_METHOD_CALL or message.get_interface() != NAME:
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        call = message.get_member()
        self.caller, self.last_call = message.get_sender(), message
        line = {"call": call, "sender": self.caller,
                "server": connection.get_unique_name(), "signature": str(message.get_signature())}
        arguments = plain(message.get_args_list())
        if call == "Notify":
            line.update(zip(FIELDS, arguments))
            line["id"] = arguments[1] or self.next_id
            self.next_id += arguments[1] == 0
        elif call == "CloseNotification":
            line["id"] = arguments[0]
        reply = (connection, message, line.get("id"))
        if call in self.hanging:
            self.waiting.append(reply)
        else:
            self.reply(*reply)
        self.say(**line)
        return dbus.lowlevel.HANDLER_RESULT_HANDLED

    def reply(self, connection, message, number):
        if message.get_no_reply() or (message.get_member() == "Notify" and self.answer == "silence"):
            return
        answer = dbus.lowlevel.MethodReturnMessage(message)
        if message.get_member() == "GetCapabilities":
            answer.append(self.capabilities, signature="as")
        elif message.get_member() == "Notify" and self.answer == "error":
            answer = dbus.lowlevel.ErrorMessage(message, "org.example.Error.Full", "too many\x1b[31m\nat once")
        elif message.get_member() == "Notify" and self.answer == "text":
            answer.append("17", signature="s")
        elif message.get_member() == "Notify":
            answer.append(0 if self.answer == "zero" else number, signature="u")
        connection.send_message(answer)

    # What the test wants.

    def command(self, line):
        command = json.loads(line)
        name = command.pop("do")
        getattr(self, "do_" + name)(**command)
        # What was sent is behind this on every connection, and the bus answers in order.
        for connection in (self.connection, self.former, self.stranger):
            if connection and connection.get_is_connected():
                connection.call_blocking(BUS, "/", BUS, "GetId", "", ())
        self.say(did=name)

    def signal(self, by, path, interface, member, signature, values):
        message = dbus.lowlevel.SignalMessage(path, interface, member)
        message.append(*values, signature=signature)
        if by in ("stranger to", "former"):
            message.set_destination(self.caller)
        connection = {"server": self.connection, "former": self.former}.get(by)
        if not connection:
            connection = self.strangers()
        connection.send_message(message)

    def strangers(self):
        self.stranger = self.stranger or dbus.bus.BusConnection(self.address)
        return self.stranger

    def do_action(self, id, key, by="server"):
        self.signal(by, PATH, NAME, "ActionInvoked", "us", (id, key))

    def do_closed(self, id, reason, by="server"):
        self.signal(by, PATH, NAME, "NotificationClosed", "uu", (id, reason))

    def do_owner(self, name, by="stranger to"):
        self.signal(by, "/org/freedesktop/DBus", BUS, "NameOwnerChanged", "sss", (NAME, name, name))

    def do_reply(self, id):
        answer = dbus.lowlevel.MethodReturnMessage(self.last_call)
        answer.append(id, signature="u")
        self.strangers().send_message(answer)

    def do_hang(self, calls=("GetCapabilities", "Notify", "CloseNotification")):
        self.hanging = list(calls)

    def do_go(self):
        self.hanging = []
        for reply in self.waiting:
            self.reply(*reply)
        self.waiting = []

    def do_answer(self, **how):
        self.answer = how["with"]

    def do_capabilities(self, words):
        self.capabilities = words

    def do_restart(self, keep=False):
        self.do_leave() if not keep else None
        self.former = self.connection
        self.connection = dbus.bus.BusConnection(self.address)
        self.connection.set_exit_on_disconnect(self.quiet)
        self.connection.add_message_filter(self.handle)
        self.next_id = 1
        self.connection.request_name(NAME, dbus.bus.NAME_FLAG_ALLOW_REPLACEMENT
                                     | dbus.bus.NAME_FLAG_REPLACE_EXISTING | dbus.bus.NAME_FLAG_DO_NOT_QUEUE)

    def do_leave(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default=os.environ.get("DBUS_STARTER_ADDRESS"), help="of the bus")
    parser.add_argument("--capabilities", default="actions body body-markup", help="words of the specification")
    parser.add_argument("--activated", action="store_true",
                        help="started by the bus: no commands, no output, ends with the bus")
    options = parser.parse_args()
    DBusGMainLoop(set_as_default=True)
    loop = GLib.MainLoop()
    server = Server(options.address, options.capabilities.split(), options.activated)

    rest = b""

    def read(channel, condition):
        nonlocal rest
        chunk = os.read(channel, 65536)
        if not chunk:
            os._exit(0)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            server.command(line)
        return True

    if not options.activated:
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
        server.say(did="start")
    loop.run()


if __name__ == "__main__":
    main()
