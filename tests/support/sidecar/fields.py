# SPDX-License-Identifier: Apache-2.0
"""Header fields on their way through the sidecar (section 2)."""

import re

from http1 import Headers

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
              "trailer", "transfer-encoding", "upgrade"}
ZERO_TRACEPARENT = "00-" + "0" * 32 + "-" + "0" * 16 + "-00"
BAGGAGE_KEY = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
BAGGAGE_VALUE = re.compile(r"^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$")
TRACEPARENT = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


def forwardable(headers: Headers, drop_token: bool) -> Headers:
    """A caller's header fields as the callee gets them: the dropped ones dropped, `grpc-*` renamed."""
    dropped = HOP_BY_HOP | set(headers.tokens("connection")) | {"host", "dapr-app-id", "content-length", "expect"}
    if drop_token:
        dropped.add("dapr-api-token")
    return renamed(headers, dropped)


def returnable(headers: Headers) -> Headers:
    """A callee's header fields as the caller gets them; the length is computed again."""
    return renamed(headers, HOP_BY_HOP | set(headers.tokens("connection")) | {"content-length"})


def renamed(headers: Headers, dropped: set[str]) -> Headers:
    out = Headers()
    for name, value in headers:
        low = name.lower()
        if low in dropped or low.endswith("-bin"):
            continue
        out.append(("dapr-" + name if low.startswith("grpc-") else name, value))
    return out


def baggage_is_bad(headers: Headers) -> bool:
    """W3C baggage: `key=value;property` members, separated by commas."""
    for value in headers.get_all("baggage"):
        for member in value.split(","):
            pair = member.split(";")[0]
            key, equals, content = pair.partition("=")
            if not equals or not BAGGAGE_KEY.match(key.strip()) or not BAGGAGE_VALUE.match(content.strip()):
                return True
    return False


def valid_traceparent(value: str | None) -> bool:
    return bool(value and TRACEPARENT.match(value) and value[3:35] != "0" * 32 and value[36:52] != "0" * 16)


def metadata_fields(metadata: dict[str, str]) -> Headers:
    """Broker metadata as header fields of a delivery (section 5); what cannot be a header is left out."""
    out = Headers()
    for name, value in metadata.items():
        if re.match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", name):
            out.append((name, re.sub(r"[\x00-\x1f\x7f]", " ", str(value))))
    return out
