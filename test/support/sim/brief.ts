/** A call's arguments or answer on one line: events as offset and key, without what they carry. */
export function brief(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null) return part;
    if ("offset" in part && "data" in part && "key" in part) return `${part.offset}:${part.key}`;
    if ("secrets" in part && "url" in part) return undefined;
    return part;
  });
}
