// Two files beside the built ones: what they were made from, and the terms of what is in them.
// tests/web/test_room_build.py works the first out again, to see that source and page still match.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";

const ROOTS = ["built-from.mjs", "index.html", "package-lock.json", "package.json", "src", "tsconfig.json", "vite.config.ts"];

function files(path) {
  return statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => files(`${path}/${name}`)) : [path];
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const path of ROOTS.flatMap(files).sort()) hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
  return `${hash.digest("hex")}\n`;
}

/** Folders of the packages of which a module is in the page. */
function packages(bundle) {
  const modules = Object.values(bundle).flatMap((chunk) => Object.keys(chunk.modules ?? {}));
  const folders = modules.map((id) => /^.*\/(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replace(/^\0/, ""))?.[1]);
  return [...new Set(folders.filter(Boolean))].sort();
}

function terms(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((found) => /^(licen[cs]e|copying)/i.test(found));
  if (!file && !license) throw new Error(`${folder}: neither a licence nor a licence file; it cannot be given on.`);
  return `${name} ${version}, ${license}\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : ""}\n`;
}

export function builtFrom() {
  return {
    name: "built-from",
    generateBundle(_options, bundle) {
      const licences = packages(bundle).map(terms).join(`\n${"-".repeat(80)}\n\n`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: licences });
      this.emitFile({ type: "asset", fileName: "built-from.txt", source: fingerprint() });
    },
  };
}
