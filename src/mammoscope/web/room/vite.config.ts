import { defineConfig } from "vite";
import { builtFrom } from "./built-from.mjs";

// `npm run dev` serves the page and hands the API on to a running `mammoscope serve`.
const server = process.env["MAMMOSCOPE_URL"] ?? "http://127.0.0.1:8000";
const paths = ["/api", "/login", "/logout", "/try", "/docs", "/openapi.json"];

export default defineConfig({
  base: "/",
  plugins: [builtFrom()],
  build: {
    target: "es2022",
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    sourcemap: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
  },
  // vtk.js and Cornerstone3D expect Node's `events`; the package of that name takes its place in a browser.
  resolve: { alias: { events: "events/" } },
  worker: { format: "es" },
  server: { proxy: Object.fromEntries(paths.map((path) => [path, server])) },
});
