// SPDX-License-Identifier: Apache-2.0
// An app on the official DaprServer, behind a sidecar; prints a line of JSON for everything that reaches it.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TASKD_NPM_DIR}/`);
const { DaprServer, DaprPubSubStatusEnum, HttpMethod, CommunicationProtocolEnum } = require("@dapr/dapr");

const server = new DaprServer({
  serverHost: "127.0.0.1",
  serverPort: process.env.APP_PORT,
  communicationProtocol: CommunicationProtocolEnum.HTTP,
  clientOptions: { daprHost: "127.0.0.1", daprPort: process.env.DAPR_HTTP_PORT },
});

const say = (what, data) => console.log(JSON.stringify({ what, data }));

await server.invoker.listen("hello", async (data) => ({ hello: "world", query: data.query }), { method: HttpMethod.GET });
await server.invoker.listen("echo", async (data) => data.body, { method: HttpMethod.POST });
await server.pubsub.subscribe("bus", "single", async (data) => say("single", data));
await server.pubsub.subscribe("bus", "retried", async (data) => {
  say("retried", data);
  return DaprPubSubStatusEnum.RETRY;
});
await server.pubsub.subscribeWithOptions("bus", "dropped", {
  deadLetterTopic: "dead",
  callback: async (data) => {
    say("dropped", data);
    return DaprPubSubStatusEnum.DROP;
  },
});
await server.pubsub.subscribe("bus", "thrown", async (data) => {
  say("thrown", data);
  throw new Error("a handler that throws");
});
await server.pubsub.subscribeBulk("bus", "many", async (data) => say("many", data), {
  maxMessagesCount: 3,
  maxAwaitDurationMs: 5000,
});
await server.start();
say("started", null);
