/** Bytes that a part of a path may have, less what is put around it. */
const MOST = 240;

/**
 * `key=value` as a directory of a partitioned data set: what might mean something to a file system or a shell is percent-encoded,
 * as Hive does and DuckDB and pyarrow read back. Throws a RangeError where `value` is empty or too long for a file's name.
 */
export function partition(key: string, value: string): string {
  if (value === "") {
    throw new RangeError(`Expected a ${key} of one character or more, as it becomes a directory`);
  }
  const safe = encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (safe.length > MOST) {
    throw new RangeError(
      `Expected a ${key} that fits in a directory's name but found ${safe.length} bytes of it`,
    );
  }
  return `${key}=${safe}`;
}

/** The name of a table as that of a file or directory. */
export function tableName(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name) || name.length > MOST) {
    throw new RangeError(
      `Expected a table's name of letters, digits, "_", "." and "-", as it becomes a file, but found ${
        JSON.stringify(name)
      }`,
    );
  }
  return name;
}
