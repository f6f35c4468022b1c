// The lock holds hashes and no addresses.
import { readFileSync } from "node:fs";

if (/"resolved":/.test(readFileSync("package-lock.json", "utf8"))) {
  console.error("package-lock.json has addresses; .npmrc says omit-lockfile-registry-resolved=true.");
  process.exitCode = 1;
}
