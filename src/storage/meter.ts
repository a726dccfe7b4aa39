/** Rows as the platform bills them: index entries, deletes and every `setAlarm` count as written. */
export interface Meter {
  rowsWritten: number;
  rowsRead: number;
}
