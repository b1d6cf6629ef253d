# SPDX-License-Identifier: Apache-2.0
"""Paths: cleaning, form-style segments and method paths (sections 1 and 2)."""

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
GO_PATH_SAFE = "/$&+,:;=@!'()*~%"


def clean(path: str) -> str:
    """Slashes collapse, `.` and `..` resolve, a trailing slash goes (section 1)."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/" + "/".join(kept)


def form_segment(segment: str) -> str | None:
    """A decoded {store}, {key}, {topic} or {name}: `+` is a space. None when it cannot be decoded."""
    if BAD_ESCAPE.search(segment):
        return None
    return unquote_to_bytes(segment.replace("+", " ")).decode("utf-8", "replace")


def method_path(raw: str) -> str | None:
    """What goes out to the callee for a method path: decoded, cleaned, encoded again. None when it is refused."""
    if BAD_ESCAPE.search(raw):
        return None
    decoded = unquote_to_bytes(raw)
    if any(byte < 0x20 or byte == 0x7F or byte in b"#?" for byte in decoded):
        return None
    text = clean(decoded.decode("utf-8", "surrogateescape"))
    if BAD_ESCAPE.search(text):
        return None
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe=GO_PATH_SAFE)


def parse_query(query: str | None) -> list[tuple[str, str]]:
    """Decoded name and value pairs; a pair that cannot be decoded is left out."""
    pairs = []
    for part in (query or "").split("&"):
        name, _, value = part.partition("=")
        left, right = form_segment(name), form_segment(value)
        if left and right is not None:
            pairs.append((left, right))
    return pairs


def query_metadata(query: str | None) -> dict[str, str]:
    """The `metadata.<name>` values of a query (section 4)."""
    return {n[len("metadata."):]: v for n, v in parse_query(query) if n.startswith("metadata.") and len(n) > 9}
