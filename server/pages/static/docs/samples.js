import { literal } from "./literals.js";

/** A call as code, in each language that has a client, as curl, and as the frame itself. */

const ACCOUNT = { email: "you@example.org", password: "your password" };
const SIGNS_IN = new Set(["session.create", "session.resume", "user.create"]);
const LANGUAGES = { TypeScript: typescript, Python: python, GDScript: gdscript, curl, Frame: frame };

export const NAMES = Object.keys(LANGUAGES);

/** `where` has `socket` and `http`, the addresses, and the `account` to sign in with, where one is known. */
export function sample(language, method, params, where) {
  const { name, access, isNotification, subscribes } = method;
  const account = access !== "anyone" && !SIGNS_IN.has(name) && (where.account ?? ACCOUNT);
  const { after: _after, ...asked } = params; // the clients see to it
  return LANGUAGES[language]({
    ...where,
    method,
    params,
    account,
    way: subscribes ? "subscribe" : isNotification ? "listen" : "call",
    rows: `${subscribes}s`,
    query: isNotification ? {} : asked,
  });
}

function typescript({ method, params, socket, account, way, rows, query }) {
  const code = (before, value) => `${filled("javascript", before, value)});`;
  const begin = [
    'import { Connection } from "@victoryvault/client";',
    "",
    `const connection = new Connection("${socket}");`,
  ];
  if (account) begin.push(code('await connection.call("session.create"', account));
  const ways = {
    call: () => [
      code(`const result = await connection.call("${method.name}"`, params),
      "console.log(result);",
      "connection.close();",
    ],
    listen: () => [`connection.on("${method.name}", (params) => console.log(params));`, "connection.open();"],
    subscribe: () => [
      code(`const ${rows} = connection.subscribe("${method.subscribes}"`, query),
      `await ${rows}.ready;`,
      `console.log([...${rows}.rows.values()]);`,
      `for await (const change of ${rows}) console.log(change);`,
    ],
  };
  return [...begin, ...ways[way]()].join("\n");
}

function python({ method, params, socket, account, way, rows, query }) {
  const code = (before, value) => `${filled("python", `        ${before}`, value)})`;
  const begin = ["import asyncio", "from victoryvault_client import Connection", "", "", "async def main():"];
  begin.push(`    async with Connection("${socket}") as connection:`);
  if (account) begin.push(code('await connection.call("session.create"', account));
  const named = Object.entries(query).map(([name, value]) => `, ${name}=${literal("python", value, " ".repeat(8))}`);
  const ways = {
    call: () => [code(`result = await connection.call("${method.name}"`, params), "        print(result)"],
    listen: () => [`        connection.on("${method.name}", print)`, "        await asyncio.Event().wait()"],
    subscribe: () => [
      `        async with connection.subscribe("${method.subscribes}"${named.join("")}) as ${rows}:`,
      `            print(list(${rows}.rows.values()))`,
      `            async for change in ${rows}:`,
      "                print(change)",
    ],
  };
  return [...begin, ...ways[way](), "", "", "asyncio.run(main())"].join("\n");
}

function gdscript({ method, params, socket, account, way, rows, query }) {
  const code = (before, value, after) => `${filled("gdscript", `\t${before}`, value)})${after}`;
  const begin = ["extends Node", "", "func _ready():", "\tvar connection = VictoryVaultConnection.new()"];
  begin.push(`\tconnection.url = "${socket}"`, "\tadd_child(connection)");
  if (account) begin.push(code('await connection.make_call("session.create"', account, ".done"));
  const ways = {
    call: () => [
      code(`var call = await connection.make_call("${method.name}"`, params, ".done"),
      "\tprint(call.error.message if call.error else call.result)",
    ],
    listen: () => ["\tconnection.notified.connect(func(method, params): print(method, params))", "\tconnection.open()"],
    subscribe: () => [
      code(`var ${rows} = connection.subscribe("${method.subscribes}"`, query, ""),
      `\t${rows}.changed.connect(func(changes): print(changes))`,
      `\tawait ${rows}.ready`,
      `\tprint(${rows}.rows.values())`,
    ],
  };
  return [...begin, ...ways[way]()].join("\n");
}

function curl({ method, params, http, account }) {
  const lines = [];
  if (method["x-needs-socket"]) lines.push("# It needs a WebSocket: over POST it is answered with 426, needs_socket.");
  const pick = `sed -n 's/.*"token":"\\([^"]*\\)".*/\\1/p'`;
  if (account) lines.push(`TOKEN=$(${post("curl -s", http, request("session.create", account))} \\\n  | ${pick})`);
  lines.push(post("curl", http, request(method.name, params), account && '"Authorization: Bearer $TOKEN"'));
  return lines.join("\n");
}

function frame({ method, params }) {
  const { id, ...message } = request(method.name, params);
  return literal("json", method.isNotification ? message : { ...message, id });
}

/** A call that is still open, with its params when it has some. */
const filled = (language, before, value) =>
  isEmpty(value) ? before : `${before}, ${literal(language, value, before)}`;

const isEmpty = (params) => Object.keys(params).length === 0;

function post(command, http, body, header) {
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const parts = [`${command} ${http}`, "-H 'Content-Type: application/json'", header && `-H ${header}`, `-d '${json}'`];
  return parts.filter(Boolean).join(" \\\n  ");
}

const request = (method, params) => ({ jsonrpc: "2.0", method, ...(isEmpty(params) ? {} : { params }), id: 1 });
