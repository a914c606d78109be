/** Filesystems for tests: a tmpfs, and images that are mounted by a loop device, where the machine lets one mount. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

export interface Mounted {
  path: string;
  remove(): void;
}

const run = (...command: string[]): boolean => {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore", stdin: "ignore" }).success;
  } catch {
    return false;
  }
};

/** `undefined` where that is not permitted. */
export function mountTmpfs(megabytes: number): Mounted | undefined {
  return mounted((path) => run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path));
}

/** An ext4, xfs or btrfs in an image; `undefined` where there are no tools for it, or no permission. */
export function mountImage(kind: "ext4" | "xfs" | "btrfs", megabytes: number): Mounted | undefined {
  const make = Bun.which(`mkfs.${kind}`, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
  if (make === null || process.getuid?.() !== 0) return undefined;
  const image = `${mkdtempSync(`${tmpdir()}/dxpy-image-`)}/image`;
  writeFileSync(image, "");
  truncateSync(image, megabytes * 1024 * 1024);
  const quiet = kind === "ext4" ? ["-q", "-F"] : ["-q", "-f"];
  const done = run(make, ...quiet, image)
    ? mounted((path) => run("mount", "-o", "loop", image, path))
    : undefined;
  const folder = image.slice(0, image.lastIndexOf("/"));
  if (done === undefined) {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  return {
    path: done.path,
    remove() {
      done.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function mounted(mount: (path: string) => boolean): Mounted | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const path = mkdtempSync(`${tmpdir()}/dxpy-mount-`);
  mkdirSync(path, { recursive: true });
  if (!mount(path)) {
    rmSync(path, { recursive: true, force: true });
    return undefined;
  }
  return {
    path,
    remove() {
      run("umount", "-l", path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
