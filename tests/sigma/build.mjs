// Makes sigma.min.js and its licenses beside the page: node build.mjs OUT-FOLDER
import { buildSync } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const out = process.argv[2];
const { metafile } = buildSync({
  entryPoints: ["entry.mjs"], outfile: join(out, "sigma.min.js"), bundle: true, minify: true,
  format: "iife", globalName: "sigmaParts", target: "es2020", charset: "ascii",
  legalComments: "none", metafile: true, define: { "process.env.NODE_ENV": '"production"' },
});
const names = new Set(Object.keys(metafile.inputs)
  .map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
const license = (name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/${LICENSES[name] ?? "LICENSE"}`, "utf8").trim()}\n`;
};
const LICENSES = { graphology: "LICENSE.txt", "graphology-utils": "LICENSE.txt", sigma: "LICENSE.txt" };
writeFileSync(join(out, "sigma.licenses.txt"),
  ["sigma.min.js is made of:\n", ...[...names].sort().map(license)].join(`\n${"-".repeat(72)}\n\n`));
