// The built files, gzipped, have at most 5 KB in all.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MOST = 5 * 1024;
const sizes = ["index.js", "react.js"].map((name) => [name, gzipSync(readFileSync(`dist/${name}`)).length]);
const all = sizes.reduce((sum, [, size]) => sum + size, 0);
console.log(sizes.map(([name, size]) => `${name} ${size}`).join(", "), `together ${all} of ${MOST} bytes gzipped`);
process.exitCode = all > MOST ? 1 : 0;
