# SPDX-License-Identifier: Apache-2.0
"""The sidecar's own error answers (section 9)."""

import json

from http_server import Responder


class ApiError(Exception):
    """An answer of the sidecar itself: status and errorCode, or plain text when there is no code."""

    def __init__(self, status: int, code: str | None, message: str, extra: dict | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.extra = status, code, message, extra or {}

    async def send(self, responder: Responder) -> None:
        if self.code is None:
            await responder.answer(self.status, self.message.encode(), "text/plain; charset=utf-8")
            return
        body = {"errorCode": self.code, "message": self.message}
        if self.code.startswith("ERR_PUBSUB"):
            body["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "dapr.io",
                                "reason": "DAPR_" + self.code[4:], "metadata": {}}]
        body.update(self.extra)
        await responder.answer(self.status, json.dumps(body).encode(), "application/json")


def invoke_failed(app: str, why: str, status: int = 500) -> ApiError:
    return ApiError(status, "ERR_DIRECT_INVOKE", f"failed to invoke, id: {app}, err: {why}")
