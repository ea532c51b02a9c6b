/** All English words, one file for each area. An area's name is the first part of its keys. */
import { about } from "./about";
import { agents } from "./agents";
import { app } from "./app";
import { changes } from "./changes";
import { composer } from "./composer";
import { events } from "./events";
import { facts } from "./facts";
import { find } from "./find";
import { home } from "./home";
import { newSession } from "./new-session";
import { permission } from "./permission";
import { session } from "./session";
import { settings } from "./settings";
import { shared } from "./shared";
import { timeline } from "./timeline";
import { transcript } from "./transcript";
import { workers } from "./workers";

export const en = {
  about,
  agents,
  app,
  changes,
  composer,
  events,
  facts,
  find,
  home,
  new: newSession,
  permission,
  session,
  settings,
  shared,
  timeline,
  transcript,
  workers,
} as const;
