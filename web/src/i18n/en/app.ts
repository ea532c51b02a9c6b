/** Words of the shell: navigation, palette, keys, connection, sign-in. */
export const app = {} as const;
