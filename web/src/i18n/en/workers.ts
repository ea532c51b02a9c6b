/** Words of the workers page. */
export const workers = {} as const;
