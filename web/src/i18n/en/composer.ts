/** Words of the message box and the queue over it. */
export const composer = {} as const;
