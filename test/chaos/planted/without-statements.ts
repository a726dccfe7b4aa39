/** Storage that does not do what a statement of this kind says, and says that it did. */
export function withoutStatements({ sql }: DurableObjectStorage, kind: RegExp): void {
  const storage: object = Object.getPrototypeOf(sql);
  const { exec } = sql;
  if ("planted" in exec) return;
  const forgetful = function (this: SqlStorage, statement: string, ...bindings: SqlStorageValue[]) {
    return kind.test(statement.trim()) ? exec.call(this, "SELECT 1 WHERE 0") : exec.call(this, statement, ...bindings);
  };
  Object.assign(storage, { exec: Object.assign(forgetful, { planted: true }) });
}
