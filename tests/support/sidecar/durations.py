# SPDX-License-Identifier: Apache-2.0
"""Go durations ("1h30m", "500ms"); a bare integer is milliseconds (section 8)."""

import re

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def seconds(value, default: float = 0.0) -> float:
    if value is None or value == "":
        return default
    if isinstance(value, (int, float)):
        return value / 1000.0
    text = str(value).strip()
    if re.fullmatch(r"\d+", text):
        return int(text) / 1000.0
    if not re.fullmatch(f"(?:{PART.pattern})+", text):
        raise ValueError(f"bad duration {text!r}, want e.g. 5s, 500ms or a number of milliseconds")
    return sum(float(n) * UNITS[u] for n, u in PART.findall(text))
