import { accessSync, constants } from "node:fs";

/** Whether this process may write to what is there, or put files into it. Root may nearly always, whatever the mode says. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
