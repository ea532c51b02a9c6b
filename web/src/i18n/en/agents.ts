/** Words of the agents page. */
export const agents = {} as const;
