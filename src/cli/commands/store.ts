/** `dx-py store ls`, `show` and `cat` */
import { writeSync } from "node:fs";
import { producersByOutput, whoHolds } from "../../realise/drv-queries.ts";
import { openStore, type Store } from "../../store/store.ts";
import { objectNamed, objectsNamed, type StoredObject, storedObjects } from "../../store/stored-objects.ts";
import { systemStoreBelow } from "../../store/system-store.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import { perform } from "../perform.ts";
import { count, formatBytes } from "../reporter/amounts.ts";
import { columns } from "../reporter/columns.ts";

/** Digits of a hash that are shown: enough to tell packages apart, and to be given back. */
const SHOWN = 12;

export function storeOf({ home, env }: CliContext): Store {
  const system = systemStoreBelow(home, env);
  return openStore(home, system === undefined ? {} : { system });
}

export async function storeLs(this: CliContext, flags: GeneralFlags, ...wanted: string[]): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const store = storeOf(this);
    const found =
      wanted.length === 0
        ? storedObjects(store)
        : distinct(wanted.flatMap((what) => objectsNamed(store, what)));
    const rows = found.map(({ outputHash, object, fault }) =>
      object === undefined
        ? ["(unreadable)", "", outputHash.slice(0, SHOWN), "", "", fault ?? ""]
        : [
            object.name,
            object.version,
            outputHash.slice(0, SHOWN),
            String(object.files),
            formatBytes(object.bytes),
            "",
          ],
    );
    const head = [
      { title: "package" },
      { title: "version" },
      { title: "hash" },
      { title: "files", right: true },
      { title: "size", right: true },
      { title: "" },
    ];
    if (rows.length > 0) reporter.result(columns(head, rows).join("\n"));
    reporter.note(
      `${count(found.length, "package")}, ${formatBytes(found.reduce((sum, one) => sum + (one.object?.bytes ?? 0), 0))}`,
    );
    reporter.json(
      found.map(({ outputHash, object, fault }) =>
        object === undefined
          ? { outputHash, fault }
          : {
              outputHash,
              name: object.name,
              version: object.version,
              files: object.files,
              bytes: object.bytes,
            },
      ),
    );
  });
}

export async function storeShow(this: CliContext, flags: GeneralFlags, what: string): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const store = storeOf(this);
    const { outputHash } = objectNamed(store, what);
    const stored = store.open(outputHash);
    try {
      const { object, treePath, level, packed } = stored;
      const files = [...stored.manifest()];
      const derivations = producersByOutput(store).get(outputHash) ?? [];
      const holders = whoHolds(outputHash, store, this.home);
      const facts = [
        ["output hash", outputHash],
        ["path", packed ? `${treePath}.dxpkg (packed)` : treePath],
        ["store", level],
        ["derivations", derivations.join(", ")],
        [
          "top level",
          object.topLevel.map(({ name, isDirectory }) => (isDirectory ? `${name}/` : name)).join(", "),
        ],
        ["scripts", [...object.entryPoints, ...object.scripts].map(({ name }) => name).join(", ")],
        [
          "used by",
          holders
            .map(({ kind, what: by, buildHash }) => `${kind} ${by ?? buildHash.slice(0, SHOWN)}`)
            .join(", "),
        ],
        ["size", `${count(object.files, "file")}, ${formatBytes(object.bytes)}`],
      ].filter(([, value]) => value !== "");
      const rows = files.map(({ path, size, executable, blake3 }) => [
        blake3.toHex().slice(0, SHOWN),
        executable ? "x" : "-",
        String(size),
        path,
      ]);
      reporter.result(
        [
          `${object.name} ${object.version}`,
          ...facts.map(([title, value]) => `  ${title}: ${value}`),
          "",
          ...columns(
            [{ title: "blake3" }, { title: "mode" }, { title: "bytes", right: true }, { title: "path" }],
            rows,
          ),
        ].join("\n"),
      );
      reporter.json({
        object,
        path: treePath,
        level,
        packed,
        derivations,
        holders,
        files: files.map(({ path, size, executable, blake3 }) => ({
          path,
          size,
          executable,
          blake3: blake3.toHex(),
        })),
      });
    } finally {
      stored.close();
    }
  });
}

export async function storeCat(
  this: CliContext,
  flags: GeneralFlags,
  what: string,
  path: string,
): Promise<void> {
  await perform(this, flags, async ({ reporter }) => {
    const store = storeOf(this);
    const { outputHash } = objectNamed(store, what);
    const stored = store.open(outputHash);
    try {
      const bytes = stored.file(path);
      if (flags.json === true) reporter.json({ outputHash, path, base64: bytes.toBase64() });
      else writeWhole(bytes);
    } finally {
      stored.close();
    }
  });
}

/** To a pipe whose reader has gone there is nothing more to say. */
function writeWhole(bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  } catch (error) {
    if ((error as { code?: string }).code !== "EPIPE") throw error;
  }
}

function distinct(found: readonly StoredObject[]): StoredObject[] {
  return [...new Map(found.map((one) => [one.outputHash, one])).values()];
}
