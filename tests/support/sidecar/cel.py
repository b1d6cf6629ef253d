# SPDX-License-Identifier: Apache-2.0
"""A subset of CEL: enough for routing rules over `event` (section 5) and for `trip` (section 8)."""

import re
from typing import Any

from gojson import Number

LEX = re.compile(r"""\s*(?:(?P<num>\d+\.\d+(?:[eE][+-]?\d+)?|\d+u?)|(?P<str>[rR]?"(?:\\.|[^"\\])*"|[rR]?'(?:\\.|[^'\\])*')
|(?P<name>[A-Za-z_]\w*)|(?P<op>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}]))""", re.X)
POWER = {"?": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "+": 5, "-": 5,
         "*": 6, "/": 6, "%": 6}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`", "?": "?"}


class CelError(ValueError):
    """The expression is not understood, or cannot be evaluated on this event."""


def compile_expression(text: str) -> "Program":
    return Program(text)


class Program:
    def __init__(self, text: str) -> None:
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            found = LEX.match(text, at)
            if not found:
                raise CelError(f"unexpected {text[at:at + 10]!r}")
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self.at = 0
        self.tree = self.parse(0)
        if self.at != len(self.tokens):
            raise CelError(f"unexpected {self.tokens[self.at][1]!r}")

    def peek(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) and self.tokens[self.at][0] != "str" else None

    def take(self, wanted: str | None = None) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise CelError("unexpected end")
        kind, word = self.tokens[self.at]
        if wanted is not None and (word != wanted or kind == "str"):
            raise CelError(f"found {word!r}, want {wanted!r}")
        self.at += 1
        return kind, word

    def parse(self, least: int) -> tuple:
        left = self.unary()
        while (op := self.peek()) in POWER and POWER[op] > least:
            self.take()
            if op == "?":
                yes = self.parse(0)
                self.take(":")
                left = ("?", left, yes, self.parse(0))
            else:
                left = (op, left, self.parse(POWER[op]))
        return left

    def unary(self) -> tuple:
        if self.peek() in ("!", "-"):
            return ("not" if self.take()[1] == "!" else "neg", self.unary())
        node = self.primary()
        while self.peek() in (".", "["):
            if self.take()[1] == "[":
                node = ("index", node, self.parse(0))
                self.take("]")
                continue
            name = self.take()[1]
            node = ("call", name, node, self.arguments()) if self.peek() == "(" else ("field", node, name)
        return node

    def arguments(self) -> list:
        self.take("(")
        out = self.sequence(")")
        return out

    def sequence(self, close: str) -> list:
        out = []
        while self.peek() != close:
            out.append(self.parse(0))
            if self.peek() == ",":
                self.take()
            elif self.peek() != close:
                raise CelError(f"want {close!r}")
        self.take(close)
        return out

    def primary(self) -> tuple:
        kind, word = self.take()
        if kind == "num":
            return ("lit", float(word) if "." in word or "e" in word.lower() else int(word.rstrip("u")))
        if kind == "str":
            return ("lit", unquote(word))
        if word == "(":
            node = self.parse(0)
            self.take(")")
            return node
        if word == "[":
            return ("list", self.sequence("]"))
        if kind == "name":
            if word in ("true", "false", "null"):
                return ("lit", {"true": True, "false": False, "null": None}[word])
            if self.peek() == "(":
                return ("call", word, None, self.arguments())
            return ("name", word)
        raise CelError(f"unexpected {word!r}")

    def evaluate(self, names: dict) -> Any:
        return run(self.tree, names)


def unquote(word: str) -> str:
    if word[0] in "rR":
        return word[2:-1]
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), word[1:-1])


def plain(value) -> Any:
    if isinstance(value, Number):
        return float(value) if re.search(r"[.eE]", value) else int(value)
    return value


def member(holder, name) -> Any:
    if isinstance(holder, dict):
        if name in holder:
            return plain(holder[name])
        raise CelError(f"no such key: {name}")
    if isinstance(holder, list) and isinstance(name, int) and 0 <= name < len(holder):
        return plain(holder[name])
    raise CelError(f"no such member: {name}")


def run(node, names: dict) -> Any:
    op = node[0]
    if op == "lit":
        return node[1]
    if op == "name":
        return member(names, node[1])
    if op == "list":
        return [run(item, names) for item in node[1]]
    if op == "field":
        return member(run(node[1], names), node[2])
    if op == "index":
        return member(run(node[1], names), run(node[2], names))
    if op == "not":
        return not boolean(run(node[1], names))
    if op == "neg":
        return -run(node[1], names)
    if op == "?":
        return run(node[2 if boolean(run(node[1], names)) else 3], names)
    if op in ("&&", "||"):
        return logic(op, node, names)
    if op == "call":
        return call(node[1], node[2], node[3], names)
    return compare(op, run(node[1], names), run(node[2], names))


def boolean(value) -> bool:
    if not isinstance(value, bool):
        raise CelError("want a bool")
    return value


def logic(op: str, node, names: dict) -> bool:
    """An error on one side is forgiven when the other side decides."""
    decides = op == "||"
    error = None
    for side in node[1:3]:
        try:
            if boolean(run(side, names)) is decides:
                return decides
        except CelError as bad:
            error = bad
    if error is not None:
        raise error
    return not decides


def compare(op: str, left, right) -> Any:
    number = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if op in ("==", "!="):
        same = left == right and (number or type(left) is type(right)) and \
            isinstance(left, bool) == isinstance(right, bool)
        return same if op == "==" else not same
    if op == "in":
        if isinstance(right, (list, dict)):
            return any(compare("==", left, plain(item)) for item in right)
        raise CelError("want a list or a map after in")
    if isinstance(left, bool) or isinstance(right, bool) or not (number or (type(left) is type(right) is str)):
        if op == "+" and isinstance(left, list) and isinstance(right, list):
            return left + right
        raise CelError(f"no such overload: {op}")
    try:
        return {"<": lambda: left < right, "<=": lambda: left <= right, ">": lambda: left > right,
                ">=": lambda: left >= right, "+": lambda: left + right, "-": lambda: left - right,
                "*": lambda: left * right, "%": lambda: left % right,
                "/": lambda: left / right if isinstance(left, float) or isinstance(right, float)
                else left // right}[op]()
    except (TypeError, ZeroDivisionError) as bad:
        raise CelError(str(bad)) from bad


def call(name: str, owner, arguments: list, names: dict) -> Any:
    if name == "has" and owner is None and len(arguments) == 1 and arguments[0][0] == "field":
        holder = run(arguments[0][1], names)
        return isinstance(holder, dict) and arguments[0][2] in holder
    values = ([run(owner, names)] if owner is not None else []) + [run(a, names) for a in arguments]
    try:
        return {"size": lambda v: len(v), "startsWith": lambda v, w: v.startswith(w),
                "endsWith": lambda v, w: v.endswith(w), "contains": lambda v, w: w in v,
                "matches": lambda v, w: re.search(w, v) is not None,
                "string": lambda v: {True: "true", False: "false"}.get(v, str(v)) if isinstance(v, bool) else str(v),
                "int": lambda v: int(v), "double": lambda v: float(v)}[name](*values)
    except KeyError as bad:
        raise CelError(f"unknown function {name}") from bad
    except (TypeError, ValueError, AttributeError, re.error) as bad:
        raise CelError(str(bad)) from bad
