/** How long to wait before attempt `tries`, at random: full jitter, so that not all come back at once. */
export const jitter = (tries: number) => Math.random() * Math.min(15_000, 200 * 2 ** tries);
