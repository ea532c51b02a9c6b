import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { chunks } from "./scripts/chunks.mjs";

const server = process.env.CONVENE_URL ?? "http://127.0.0.1:4747";

const src = fileURLToPath(new URL("src", import.meta.url));
const absent = `${src}/parts/code/absent.ts`;
// What the diff viewer could load and never does here stays out: other highlighters, hundreds of grammars, themes. And what makes HTML of
// the HTML in a text: there it stays text.
const aliases = [
  { find: /^@\//, replacement: `${src}/` },
  { find: /^shiki\/langs$/, replacement: `${src}/parts/code/shiki-langs.ts` },
  { find: /^shiki\/(engine\/oniguruma|wasm)$/, replacement: absent },
  { find: /^rehype-(raw|sanitize|harden)$/, replacement: absent },
  { find: /^tailwind-merge$/, replacement: `${src}/parts/markdown/class-names.ts` },
  { find: /^@pierre\/(highlights(\/.*)?|theming\/themes)$/, replacement: absent },
];

// The version of the server that this page is built with: one that is told another is old.
const cargo = readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8");
const version = /^\[workspace\.package\][^[]*?^version = "([^"]+)"/m.exec(cargo)?.[1] ?? "unknown";

/** Writes down the files of all pages for the service worker, which keeps them so that each page opens without a server. */
function pages(): Plugin {
  return {
    name: "pages",
    generateBundle(_, bundle) {
      const files = new Set<string>();
      const take = (name: string) => {
        const part = bundle[name];
        if (files.has(name) || part?.type !== "chunk") return;
        files.add(name);
        part.imports.forEach(take);
      };
      for (const part of Object.values(bundle)) {
        if (part.type === "chunk" && part.facadeModuleId?.includes("/src/app/routes/")) take(part.fileName);
      }
      const source = JSON.stringify([...files].map((name) => `/${name}`));
      this.emitFile({ type: "asset", fileName: "pages.json", source });
    },
  };
}

/** A service worker of several files is none: browsers start it as a plain script. */
function oneWorker(): Plugin {
  return {
    name: "one-worker",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      const parts = worker?.type === "chunk" ? worker.imports : [];
      if (parts.length > 0)
        this.error(`sw.ts and the page share what is in ${parts.join(", ")}: give it a module of its own`);
    },
  };
}

export default defineConfig({
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [react(), tailwind(), pages(), oneWorker(), chunks()],
  resolve: { alias: aliases },
  // The page speaks only to the server that served it; in development that server is behind this proxy.
  server: {
    proxy: {
      "/v1": {
        target: server,
        ws: true,
        changeOrigin: true,
        rewriteWsOrigin: true,
        headers: { origin: server },
      },
      "/healthz": server,
    },
  },
  worker: {
    format: "es",
    // A worker is sent the grammars it needs; its own copy of them would never be read.
    plugins: () => [
      {
        name: "no-grammars-in-workers",
        enforce: "pre",
        resolveId: (id) => (id.endsWith("/shiki-langs.ts") ? absent : null),
      },
    ],
  },
  build: {
    target: "es2024",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        // The worker's name is fixed: a browser looks for the new one at the old place.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
