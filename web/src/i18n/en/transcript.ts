/** Words of a session's talk. */
export const transcript = {} as const;
