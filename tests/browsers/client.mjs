// The client that the server serves as /client.js: clients/typescript, built as one module.
// `npm run client` writes it; a test says when that was forgotten.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = new URL("../../", import.meta.url);
export const SERVED = new URL("server/pages/static/client.js", ROOT);

/** Its text. */
export async function built() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("clients/typescript/src/index.ts", ROOT))],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    write: false,
  });
  return outputFiles[0].text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(SERVED, await built());
