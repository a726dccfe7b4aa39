import { describe, expect, it } from "vitest";
import { ObjectAlarm } from "../../src/storage/alarm.ts";

/** An alarm of the platform: one time, or none. */
function platform(pending: number | null = null) {
  const storage = {
    pending,
    writes: 0,
    getAlarm: async () => storage.pending,
    setAlarm: async (at: number | Date) => {
      storage.writes += 1;
      storage.pending = Number(at);
    },
  };
  return storage;
}

describe("O06 the one alarm of an object", () => {
  it("is moved to an earlier time and never to a later one, whoever asks", async () => {
    const storage = platform();
    const alarm = new ObjectAlarm(storage);
    for (const at of [5000, 9000, 3000, 4000, 3000]) await alarm.earlier(at);
    expect(storage).toMatchObject({ pending: 3000, writes: 2 });
  });

  it("keeps what was pending before the object woke up", async () => {
    const storage = platform(2000);
    const alarm = new ObjectAlarm(storage);
    await alarm.earlier(7000);
    expect(storage).toMatchObject({ pending: 2000, writes: 0 });
  });

  it("once gone off is set for whatever comes next", async () => {
    const storage = platform(2000);
    const alarm = new ObjectAlarm(storage);
    await alarm.load();
    alarm.fired();
    await alarm.earlier(7000);
    expect(storage.pending).toBe(7000);
  });

  it("refused by storage is asked for again the next time", async () => {
    const storage = platform();
    const alarm = new ObjectAlarm(storage);
    const { setAlarm } = storage;
    storage.setAlarm = () => Promise.reject(new Error("storage is full"));
    await expect(alarm.earlier(1000)).rejects.toThrow("storage is full");
    storage.setAlarm = setAlarm;
    await alarm.earlier(1000);
    expect(storage.pending).toBe(1000);
  });
});
