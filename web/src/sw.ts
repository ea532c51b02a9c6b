/** Caches the shell and shows notifications. */
export {};
