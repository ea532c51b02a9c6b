/** Words of the cards that ask a person. */
export const permission = {} as const;
