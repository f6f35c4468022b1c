// What happens to a line, while a tab is told changes by it.

/** With so much chance a tab does not come back by itself. */
export const NEVER = 10_000;
/** Changes that are told between two faults, while all is well. */
const CALM = 20;
/** Bytes that still reach the page before the line is cut: in a frame, between two, amid the reply to a resume. */
const CUTS = [0, 1, 2, 100, 333, 500, 777, 1500, 2500, 5000];
const IN_A_HANDSHAKE = 60;

/** All of it, while the tab writes something too. Returns how often, and how many bytes the lines that were given up
 *  said too late. */
export async function breakAll(line, tab) {
  const faults = [
    ...CUTS.map((bytes) => () => line.cutAfter(bytes)),
    () => {
      line.cut();
      line.cutAfter(IN_A_HANDSHAKE);
    },
    async () => {
      const inVain = tab.passes("waiting", "waiting", "waiting");
      line.down();
      await inVain;
      line.up();
    },
    () => line.stall(),
    () => line.halfOpen(),
  ];
  let late = 0;
  for (const [index, fault] of faults.entries()) {
    await tab.hears(CALM);
    const back = tab.passes("waiting", "open");
    const written = tab.call("user.update", { set: { status: `${index}` } });
    await fault();
    await back;
    await written;
    late += line.release();
  }
  return { faults: faults.length, late };
}

/** The line is down, until it is `up`; even then the tab comes back only when something happens. */
export async function breakFor(line, tab) {
  await tab.do("chance", NEVER);
  const lost = tab.passes("waiting");
  line.down();
  await lost;
}
