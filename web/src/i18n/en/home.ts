/** Words of the list of sessions. */
export const home = {} as const;
