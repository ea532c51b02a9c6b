/** Words of a session's raw events. */
export const events = {} as const;
