// Which files the build makes of the page, and which of them are asked for before the page itself could ask.
//
// Few files, because each costs a question: React, what every page needs, what several pages need, and each page. The shell names them,
// after what it needs to be drawn; of the pages `boot.js` takes the one at hand.

const START = "/src/app/start.tsx";
const ROUTE = /\/src\/app\/routes\/([a-z-]+)\.tsx$/;
/** The first part of a page's address, where it is not the name of its file. */
const ADDRESS = { home: "", session: "s", "new-session": "new" };
const FIRST = /\/node_modules\/(react|react-dom|scheduler)\/|vite\/preload-helper|\/src\/lib\/breath\.ts$/;

/** What stands in the shell where the files of the pages belong. */
const PLACE = "__PAGES__";

/** Groups modules into files, and has the shell name them. */
export function chunks() {
  /** Module to file, where that is not the one which is asked for by name. */
  let files = new Map();
  const groups = [
    { name: "react", test: FIRST, priority: 2 },
    { name: (id) => files.get(id) ?? null, priority: 1 },
  ];
  return {
    name: "chunks",
    config: () => ({
      build: {
        modulePreload: { polyfill: false },
        rolldownOptions: { output: { codeSplitting: { groups } } },
      },
    }),
    buildEnd() {
      const infos = [...this.getModuleIds()].map((id) => this.getModuleInfo(id)).filter(Boolean);
      files = grouped(infos, (id) => this.getModuleInfo(id)?.importedIds ?? []);
    },
    transformIndexHtml: { order: "post", handler: (html, { bundle }) => named(html, bundle ?? {}) },
  };
}

function grouped(infos, importsOf) {
  const reached = (root) => {
    const found = new Set();
    const visit = (id) => {
      if (found.has(id)) return;
      found.add(id);
      importsOf(id).forEach(visit);
    };
    visit(root);
    return found;
  };
  const loaded = new Set(infos.flatMap((info) => info.dynamicallyImportedIds));
  const first = [...loaded].find((id) => id.endsWith(START));
  const start = first === undefined ? new Set() : reached(first);
  loaded.delete(first);
  const times = new Map();
  const paged = new Set();
  for (const root of loaded) {
    for (const id of reached(root)) {
      times.set(id, (times.get(id) ?? 0) + 1);
      if (ROUTE.test(root)) paged.add(id);
    }
  }
  const file = (id) => (start.has(id) ? "base" : times.get(id) > 1 ? "shared" : null);
  return new Map([...paged].map((id) => [id, file(id)]));
}

/** The shell with the names of its files. What it needs to be drawn is not kept waiting for them. */
function named(html, bundle) {
  const parts = Object.values(bundle).filter((part) => part.type === "chunk");
  const withImports = (names) => {
    const found = new Set();
    const visit = (name) => {
      if (found.has(name)) return;
      found.add(name);
      bundle[name].imports.forEach(visit);
    };
    names.forEach(visit);
    return found;
  };
  const first = parts.filter((part) => part.isEntry && part.facadeModuleId?.endsWith("index.html"));
  const start = parts.find((part) => part.facadeModuleId?.endsWith(START));
  const always = withImports([...first, ...(start ? [start] : [])].map((part) => part.fileName));
  const pages = {};
  for (const part of parts) {
    const name = ROUTE.exec(part.facadeModuleId ?? "")?.[1];
    if (name === undefined) continue;
    const own = [...withImports([part.fileName])].filter((one) => !always.has(one));
    pages[ADDRESS[name] ?? name] = own.map((one) => `/${one}`);
  }
  const links = [...always]
    .filter((name) => !html.includes(`/${name}"`))
    .map((name) => `    <link rel="modulepreload" crossorigin href="/${name}">\n`);
  return html
    .replace("  </head>", `${links.join("")}  </head>`)
    .replaceAll(/<(script type="module"|link rel="modulepreload")/g, '<$1 fetchpriority="low"')
    .replace(PLACE, JSON.stringify(pages).replaceAll('"', "&quot;"));
}
