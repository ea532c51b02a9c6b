/** Words of the form that begins a session. */
export const newSession = {} as const;
