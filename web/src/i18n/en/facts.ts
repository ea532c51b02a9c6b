/** Words of what is known of a session. */
export const facts = {} as const;
