/** Words of a session's turns. */
export const timeline = {} as const;
