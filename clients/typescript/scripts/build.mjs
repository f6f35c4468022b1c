// One small file for each entry; what each exports stands in the .d.ts files beside it.
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts", "src/react.ts"],
  outdir: "dist",
  bundle: true,
  external: ["react", "./index.js"],
  format: "esm",
  target: "es2022",
  minify: true,
  lineLimit: 500,
  sourcemap: true,
});
