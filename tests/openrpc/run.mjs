// What others' tools say of the contract: OpenRPC's own validator and test coverage, AsyncAPI's own parser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import schemaUtils from "@open-rpc/schema-utils-js";
import coverage from "@open-rpc/test-coverage";
import { startServer } from "../browsers/server.mjs";
import { inOrder, withoutFormats } from "./document.mjs";
import { Story } from "./story.mjs";
import { overHttp, overSocket } from "./transports.mjs";

const LONGEST_MS = 120_000;
const AGAIN = "run `.venv/bin/victoryvault openrpc > docs/openrpc.json`";

async function check() {
  const document = JSON.parse(readFileSync(new URL("../../docs/openrpc.json", import.meta.url), "utf8"));
  assert.equal(schemaUtils.validateOpenRPCDocument(document), true, "OpenRPC's meta-schema refuses it");
  const parsed = await schemaUtils.parseOpenRPCDocument(structuredClone(document));
  say(`docs/openrpc.json is OpenRPC ${parsed.openrpc}, with ${parsed.methods.length} methods`);

  const served = await fetch(`${server.url}/openrpc.json`).then((reply) => reply.json());
  assert.deepEqual(served, document, `docs/openrpc.json is not what the server serves: ${AGAIN}`);

  await cover(parsed, overHttp(server.url), "HTTP, params by position", (method) => !method["x-needs-socket"]);
  await cover(parsed, overSocket(server.url), "WebSocket, params by name", () => true, "by-name");

  const text = await fetch(`${server.url}/asyncapi.json`).then((reply) => reply.text());
  const faults = (await new Parser().validate(text)).filter(({ severity }) => severity < 2);
  assert.deepEqual(faults, [], "AsyncAPI's parser refuses /asyncapi.json");
  say("/asyncapi.json is AsyncAPI");
}

/** Calls each example, and has the tool judge each reply. */
async function cover(parsed, transport, where, isCalled, paramStructure = "by-position") {
  const methods = inOrder(parsed.methods.filter((each) => each.result && isCalled(each)));
  const story = new Story(methods, transport.send);
  const calls = await coverage.default({
    openrpcDocument: withoutFormats({ ...parsed, methods: methods.map((each) => ({ ...each, paramStructure })) }),
    transport: story.call,
    reporters: [{ onBegin() {}, onTestBegin() {}, onTestEnd() {}, onEnd() {} }],
  });
  transport.close();
  for (const { methodName, valid, reason, requestError, error } of calls.filter((each) => !each.valid)) {
    console.error(`${methodName} over ${where}: ${reason ?? requestError?.cause ?? requestError ?? JSON.stringify(error)}`);
  }
  assert.ok(calls.every(({ valid }) => valid), `examples that are not true, over ${where}`);
  assert.deepEqual(new Set(calls.map(({ methodName }) => methodName)), new Set(methods.map(({ name }) => name)));
  say(`${calls.length} examples are true over ${where}`);
}

const say = (line) => console.log(line);

const server = await startServer();
const late = setTimeout(() => {
  console.error(`Not done after ${LONGEST_MS} ms.`);
  void server.stop().finally(() => process.exit(1));
}, LONGEST_MS);
try {
  await check();
} catch (error) {
  console.error(error.message ?? error);
  process.exitCode = 1;
} finally {
  clearTimeout(late);
  await server.stop();
}
