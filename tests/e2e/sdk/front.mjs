// SPDX-License-Identifier: Apache-2.0
// A service on the official Dapr SDK beside taskd: it tells by an event that a task was completed,
// as front ends do, and prints each event that it hears of in turn.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TASKD_NPM_DIR}/`);
const { DaprServer, DaprClient, HttpMethod, CommunicationProtocolEnum } = require("@dapr/dapr");

const sidecar = { daprHost: "127.0.0.1", daprPort: process.env.DAPR_HTTP_PORT, communicationProtocol: CommunicationProtocolEnum.HTTP };
const server = new DaprServer({
  serverHost: "127.0.0.1",
  serverPort: process.env.APP_PORT,
  communicationProtocol: CommunicationProtocolEnum.HTTP,
  clientOptions: sidecar,
});
const client = new DaprClient(sidecar);

await server.invoker.listen("complete", async ({ body }) => {
  const told = typeof body === "string" ? JSON.parse(body) : body;
  const sent = await client.pubsub.publish("bus", "task-events", told);
  return { sent: sent.error === undefined };
}, { method: HttpMethod.POST });
await server.pubsub.subscribe("bus", "made-events", async (data) => console.log(JSON.stringify(data)));
await server.start();
