// A process of another user that takes objects out of a system store: arguments are the system store, the home, the first
// way to try, and output hashes; prints what became of them.
import { homeFolders } from "../../platform/home.ts";
import { createSharer } from "../share-object.ts";
import { openStore } from "../store.ts";

const [system = "", root = "", first = "auto", ...hashes] = process.argv.slice(2);
const home = homeFolders({ DX_PY_HOME: root });
const sharer = createSharer({ home, system, first: first as "auto" });
const ways = hashes.map((hash) => sharer.share(hash));
const store = openStore(home, { system });
const whole = await Promise.all(hashes.map((hash) => store.verify(hash)));
console.log(
  JSON.stringify({
    ways,
    counts: sharer.counts,
    added: sharer.addedBytes,
    reasons: [...sharer.reasons],
    faults: whole.flatMap(({ faults }) => faults),
    writable: await Bun.write(`${store.objectPath(hashes[0] ?? "")}/written`, "x").then(
      () => true,
      () => false,
    ),
  }),
);
