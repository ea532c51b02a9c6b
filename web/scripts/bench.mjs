// Figures of the fold: loads test/bench-fold.ts as Vite loads the page's code, and runs it in Node.
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runnerImport } from "vite";

const web = new URL("..", import.meta.url);
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const { module } = await runnerImport(fileURLToPath(new URL("test/bench-fold.ts", web)), {
  root: fileURLToPath(web),
  resolve: { alias: { "@": fileURLToPath(new URL("src", web)) } },
  logLevel: "error",
});
module.bench({
  gc,
  memory: () => process.memoryUsage().heapUsed,
  cpu: () => process.cpuUsage().user / 1000,
  say: (line) => console.log(line),
});
process.exit(0);
