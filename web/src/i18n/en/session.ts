/** Words of a session's page, its head and its commands. */
export const session = {} as const;
