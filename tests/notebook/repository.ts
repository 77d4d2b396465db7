/** Path of the repository, without a slash at its end. */
export const repository: string = new URL("../../", import.meta.url).pathname.slice(0, -1);
