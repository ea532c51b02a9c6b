/** Mounts the page; nothing else. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { MainPart } from "./app/main-part";
import { begin } from "./app/begin";
import "./styles/base.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const sync = await begin();
createRoot(root).render(
  <StrictMode>
    <MainPart sync={sync} />
  </StrictMode>,
);
