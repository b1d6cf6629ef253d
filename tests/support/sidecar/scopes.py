# SPDX-License-Identifier: Apache-2.0
"""Topic scoping: the component metadata allowedTopics, protectedTopics, publishingScopes, subscriptionScopes."""


def words(text: str | None) -> list[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


def per_app(text: str | None) -> dict[str, list[str]]:
    out = {}
    for part in (text or "").split(";"):
        app, equals, topics = part.partition("=")
        if equals and app.strip():
            out[app.strip()] = words(topics)
    return out


class Scopes:
    def __init__(self, metadata: dict[str, str]) -> None:
        self.allowed = words(metadata.get("allowedTopics"))
        self.protected = words(metadata.get("protectedTopics"))
        self.publishing = per_app(metadata.get("publishingScopes"))
        self.subscribing = per_app(metadata.get("subscriptionScopes"))

    def may(self, scopes: dict[str, list[str]], app: str, topic: str) -> bool:
        if self.allowed and topic not in self.allowed:
            return False
        if app in scopes:
            return topic in scopes[app]
        return topic not in self.protected

    def may_publish(self, app: str, topic: str) -> bool:
        return self.may(self.publishing, app, topic)

    def may_subscribe(self, app: str, topic: str) -> bool:
        return self.may(self.subscribing, app, topic)
