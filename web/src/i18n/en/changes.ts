/** Words of a session's changed files. */
export const changes = {} as const;
