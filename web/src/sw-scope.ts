/** As much of a service worker's world as ours uses: the compiler knows a page's world only. */
type Extendable = Event & { waitUntil(work: Promise<unknown>): void };
type WindowClient = {
  readonly url: string;
  readonly focused: boolean;
  focus(): Promise<WindowClient>;
  postMessage(message: unknown): void;
};
type WorkerEvents = {
  install: Extendable;
  activate: Extendable;
  message: Extendable & { readonly data: unknown };
  fetch: Extendable & { readonly request: Request; respondWith(answer: Promise<Response>): void };
  notificationclick: Extendable & { readonly notification: Notification };
};

export type WorkerScope = {
  readonly location: Location;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<readonly WindowClient[]>;
    openWindow(url: string): Promise<WindowClient | null>;
  };
  skipWaiting(): Promise<void>;
  addEventListener<K extends keyof WorkerEvents>(type: K, listener: (event: WorkerEvents[K]) => void): void;
};
