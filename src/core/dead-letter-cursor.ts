import { decodeBase64Url, encodeBase64Url } from "./base64.ts";

/** A dead letter's place in the index, which is ordered by it, newest first. */
export interface DeadLetterPosition {
  /** Unix milliseconds. */
  readonly deadAt: number;
  readonly subscription: string;
  readonly partition: number;
  readonly offset: number;
}

const FORM = /^(\d{1,15})\.([^.]+)\.(\d{1,15})\.(\d{1,15})$/;

/** The opaque cursor that continues a list after this position. */
export const writeDeadLetterCursor = (at: DeadLetterPosition): string =>
  encodeBase64Url(new TextEncoder().encode(`${at.deadAt}.${at.subscription}.${at.partition}.${at.offset}`));

/** null = not a cursor this gateway gave out. */
export function readDeadLetterCursor(cursor: string): DeadLetterPosition | null {
  const bytes = decodeBase64Url(cursor);
  const match = bytes === null ? null : FORM.exec(new TextDecoder().decode(bytes));
  if (match === null) return null;
  const [, deadAt, subscription = "", partition, offset] = match;
  return { deadAt: Number(deadAt), subscription, partition: Number(partition), offset: Number(offset) };
}
