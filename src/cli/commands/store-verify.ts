/** `dx-py store verify`: every file against its hash; exit code 1 when something is damaged and stays so */
import { lostPackages } from "../../environment/described-layouts.ts";
import { objectFaults, repairObject } from "../../environment/repair-store.ts";
import { whileFetching } from "../../project/refetch.ts";
import { labelOf, objectsNamed, type StoredObject, storedObjects } from "../../store/stored-objects.ts";
import { actContext } from "../act-reporting.ts";
import { settingFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { StoreVerifyFlags } from "../flags/inspect-flags.ts";
import { perform, type Session } from "../perform.ts";
import { count } from "../reporter/amounts.ts";
import { storeOf } from "./store.ts";

interface Damage {
  stored: StoredObject;
  faults: string[];
}

const SHOWN = 20;

export async function storeVerify(
  this: CliContext,
  flags: StoreVerifyFlags,
  ...wanted: string[]
): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const store = storeOf(this);
    const all =
      wanted.length === 0 ? storedObjects(store) : wanted.flatMap((what) => objectsNamed(store, what));
    const damaged: Damage[] = [];
    for (const stored of all) {
      const faults = await objectFaults(stored.outputHash, store).catch((error: unknown) => {
        if (store.has(stored.outputHash)) throw error;
        return [];
      });
      // What is collected meanwhile is not damaged: its index goes first.
      if (faults.length > 0 && store.has(stored.outputHash)) damaged.push({ stored, faults });
    }
    if (wanted.length === 0) {
      for (const [outputHash, name] of lostPackages(this.home, store))
        damaged.push({
          stored: { outputHash },
          faults: [`${name} is not in the store, and layouts need it`],
        });
    }
    for (const { stored, faults } of damaged) {
      reporter.result(`${reporter.paint.red("damaged")} ${labelOf(stored)}`);
      for (const fault of faults.slice(0, SHOWN)) reporter.result(`  ${fault}`);
      if (faults.length > SHOWN) reporter.result(`  … and ${faults.length - SHOWN} more`);
    }
    const repaired =
      flags.repair === true && damaged.length > 0 ? await repair(session, flags, damaged) : undefined;
    const open =
      repaired === undefined ? damaged.length : repaired.filter(({ how }) => how === "left").length;
    reporter.note(
      `${count(all.length, "package")} verified, ${damaged.length} damaged${repaired === undefined ? "" : `, ${damaged.length - open} repaired`}`,
    );
    if (open > 0 && repaired === undefined)
      reporter.note("hint: `dx-py store verify --repair` fetches again what is damaged");
    reporter.json({
      verified: all.length,
      damaged: damaged.map(({ stored: { outputHash, object }, faults }) => ({
        outputHash,
        ...(object === undefined ? {} : { name: object.name, version: object.version }),
        faults,
      })),
      ...(repaired === undefined ? {} : { repaired }),
    });
    return open > 0 ? 1 : 0;
  });
}

async function repair(session: Session, flags: StoreVerifyFlags, damaged: readonly Damage[]) {
  const { reporter, context, start } = session;
  const store = storeOf(context);
  return await whileFetching(start, settingFlags(flags), await actContext(session), async (realise) => {
    const results = [];
    for (const { stored } of damaged) {
      const done = await repairObject(stored.outputHash, { home: context.home, store, realise });
      results.push(done);
      reporter.settle();
      const { how, why, layouts, projects } = done;
      if (how === "left") reporter.warn(`${labelOf(stored)} is as it was: ${why}`);
      else if (how !== "removed")
        reporter.note(
          `${reporter.paintNote.green("repaired")} ${labelOf(stored)}${layouts > 0 ? `, and ${count(layouts, "layout")} that had copies of it` : ""}`,
        );
      else
        reporter.note(
          `${reporter.paintNote.green("removed")} ${labelOf(stored)}: it was built here, and \`dx-py install\` builds it again${projects.length === 0 ? "" : ` in ${projects.join(", ")}`}`,
        );
    }
    return results;
  });
}
