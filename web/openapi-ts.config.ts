import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "../openapi.json",
  output: { path: "src/api/gen" },
  plugins: [
    { name: "@hey-api/typescript", enums: false },
    { name: "@hey-api/client-fetch", throwOnError: false },
    { name: "@hey-api/sdk" },
  ],
});
