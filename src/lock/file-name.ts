/** One component of a path, whatever the system: a lock is foreign data, and its names end up beside other files. */
export function isFileName(name: string): boolean {
  return !/[/\\\0]/.test(name) && name !== "" && name !== "." && name !== "..";
}
