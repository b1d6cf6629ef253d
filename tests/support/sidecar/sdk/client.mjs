// SPDX-License-Identifier: Apache-2.0
// Drives a sidecar with the official DaprClient and prints what came back as one line of JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TASKD_NPM_DIR}/`);
const { DaprClient, HttpMethod, CommunicationProtocolEnum } = require("@dapr/dapr");

const client = new DaprClient({
  daprHost: "127.0.0.1",
  daprPort: process.env.DAPR_HTTP_PORT,
  communicationProtocol: CommunicationProtocolEnum.HTTP,
  daprApiToken: process.env.DAPR_API_TOKEN,
});

async function failure(work) {
  try {
    await work();
    return null;
  } catch (error) {
    return String(error.message);
  }
}

await client.start();
const out = {
  metadata: await client.metadata.get(),
  set: await client.metadata.set("colour", "blue"),
  health: await client.health.isHealthy(),
  get: await client.invoker.invoke("served", "hello?x=1", HttpMethod.GET),
  post: await client.invoker.invoke("served", "echo", HttpMethod.POST, { n: 1 }),
  missing: await failure(() => client.invoker.invoke("nobody", "hello", HttpMethod.GET)),
  publish: await client.pubsub.publish("bus", "single", { n: 2 }),
  text: await client.pubsub.publish("bus", "single", "words", { contentType: "text/plain" }),
  retried: await client.pubsub.publish("bus", "retried", { n: 3 }),
  dropped: await client.pubsub.publish("bus", "dropped", { n: 4 }),
  thrown: await client.pubsub.publish("bus", "thrown", { n: 5 }),
  bulk: await client.pubsub.publishBulk("bus", "many", [{ n: 6 }, "seven", { entryID: "mine", event: { n: 8 } }]),
  ttl: await client.pubsub.publish("bus", "single", { n: 9 }, { metadata: { ttlInSeconds: "100" } }),
  nowhere: String((await client.pubsub.publish("none", "t", { n: 10 })).error?.message),
};
out.saved = await client.state.save("st", [{ key: "k", value: { n: 1 } }]);
out.looked = await client.state.get("st", "k");
out.conflict = await client.state.save("st", [{ key: "k", value: 2, etag: "999" }]);
out.refused = await client.state.delete("st", "k", { etag: "999" });
out.kept = await client.state.get("st", "k");
out.deleted = await client.state.delete("st", "k");
out.gone = await client.state.get("st", "k");
for (const name of ["conflict", "refused"]) out[name] = String(out[name].error?.message);
await client.stop();
console.log(JSON.stringify(out));
