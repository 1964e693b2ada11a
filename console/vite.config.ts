import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `npm run dev` asks a hub that runs already; set FAIRWAY_HUB to its address.
const hub = process.env.FAIRWAY_HUB ?? "http://127.0.0.1:8480";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../src/fairway/hub/console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy of the page allows nothing inline
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": { target: hub, secure: false } } },
  test: { include: ["src/**/*.test.ts"] },
});
