/** Words of the page about this server. */
export const about = {} as const;
