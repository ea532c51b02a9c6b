/** Tests of what needs no page; what needs one is tried in a browser (`e2e/`). */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // A machine that is busy is slow, not wrong.
    testTimeout: 30_000,
    // Two at a time leave room for whatever else the machine builds.
    maxWorkers: 2,
  },
});
