/** Mounts the page, in pieces: between two of them the browser draws and answers. */
import { createRoot } from "react-dom/client";
import { breath } from "./lib/breath";
import "./styles/base.css";

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no #root");
const root = createRoot(place);
await breath();
const { start } = await import("./app/start");
await start(root);
