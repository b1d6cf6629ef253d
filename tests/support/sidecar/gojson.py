# SPDX-License-Identifier: Apache-2.0
"""JSON as the runtime reads and writes it: number text kept, keys sorted, `< > &` escaped (section 4)."""

import json
import re
from typing import Any

NUMBER_FORM = re.compile(r"^-?\d")


class Number(str):
    """The text of a JSON number."""


def loads(data: bytes | str) -> Any:
    """Parses JSON with numbers as Number; ValueError when it is not JSON."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse)
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def string(text: str) -> str:
    text = "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)
    out = json.dumps(text, ensure_ascii=False)
    for c in "<>&\u2028\u2029":
        out = out.replace(c, "\\u%04x" % ord(c))
    return out


def dumps(value) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return string(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ",".join(string(k) + ":" + dumps(value[k]) for k in sorted(value)) + "}"
    return "[" + ",".join(dumps(item) for item in value) + "]"


def lossy(value) -> Any:
    """Numbers through a 64-bit float, as bulk publishing does: above 2^53 they lose precision (section 4)."""
    if isinstance(value, Number):
        number = float(value)
        size = abs(number)
        if size == 0 or 1e-6 <= size < 1e21:
            text = repr(number)
            if "e" in text:
                text = f"{number:.0f}" if size >= 1 else f"{number:.20f}".rstrip("0")
            return Number(text[:-2] if text.endswith(".0") else text)
        mantissa, _, exponent = repr(number).partition("e")
        sign, digits = exponent[0], exponent[1:].lstrip("0")
        return Number(f"{mantissa}e{sign}{digits.rjust(2, '0') if sign == '+' else digits}")
    if isinstance(value, dict):
        return {k: lossy(v) for k, v in value.items()}
    if isinstance(value, list):
        return [lossy(v) for v in value]
    return value


def field(record: dict, name: str, default=None) -> Any:
    """A field found without regard to case, as Go's decoder finds it; an exact match wins."""
    if name in record:
        return record[name]
    low = name.lower()
    return next((v for k, v in record.items() if k.lower() == low), default)
