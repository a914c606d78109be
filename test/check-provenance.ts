/** Whether everything in a home says where it came from: acceptance of derivations, for homes small and large. */
import { readdirSync, readFileSync } from "node:fs";
import { Validator } from "@cfworker/json-schema";
import { blake3Hex } from "../src/platform/blake3.ts";
import { homeFolders } from "../src/platform/home.ts";
import { type DerivationTree, derivationTree, producersByOutput } from "../src/realise/drv-queries.ts";
import { openStore } from "../src/store/store.ts";

export interface CheckedHome {
  derivations: number;
  objects: number;
  /** `env` derivations from which every package was followed to a `fetch` or a source. */
  environments: number;
  /** One line for each thing that is not as the format says. */
  faults: string[];
}

export function checkProvenance(root: string): CheckedHome {
  const home = homeFolders({ DX_PY_HOME: root });
  const store = openStore(home);
  const schema = JSON.parse(
    readFileSync(`${import.meta.dir}/../docs/formats/derivation.schema.json`, "utf8"),
  );
  const validator = new Validator(schema, "2020-12");
  const faults: string[] = [];
  const names = readdirSync(`${home.store}/drv`);
  const environments: string[] = [];
  for (const name of names) {
    const bytes = readFileSync(`${home.store}/drv/${name}`);
    if (name !== `${blake3Hex(bytes)}.drv`) faults.push(`${name}: its content has another hash`);
    const value = JSON.parse(bytes.toString());
    for (const { error } of validator.validate(value).errors) faults.push(`${name}: ${error}`);
    if (value.kind === "env") environments.push(name.slice(0, 64));
  }
  const known = new Set(names);
  for (const name of readdirSync(`${home.store}/drv-out`))
    if (!known.has(`${name}.drv`)) faults.push(`drv-out/${name}: there is no such derivation`);
  const objects = store.list();
  const producers = producersByOutput(store);
  for (const hash of objects)
    if (!producers.has(hash)) faults.push(`${hash}: nothing says what it came from`);
  for (const hash of environments) followed(derivationTree(hash, store), faults);
  return { derivations: names.length, objects: objects.length, environments: environments.length, faults };
}

/** Of an environment: its layout, the packages of that, and whether each of them ends in something that is no derivation's output. */
function followed(environment: DerivationTree, faults: string[]): void {
  const [layout] = environment.inputs;
  if (layout?.derivation.kind !== "layout") {
    faults.push(`${environment.buildHash}: its layout is not described`);
    return;
  }
  const { packages, editables } = layout.derivation;
  if (layout.inputs.length !== packages.length + editables.length)
    faults.push(
      `${layout.buildHash}: ${packages.length + editables.length} packages, ${layout.inputs.length} with a derivation`,
    );
  // What stands elsewhere in the tree was followed there.
  const whole = new Map<string, DerivationTree>();
  const note = (node: DerivationTree) => {
    if (!node.repeated) whole.set(node.buildHash, node);
    node.inputs.forEach(note);
  };
  note(environment);
  const reaches = (node: DerivationTree): boolean => {
    const { derivation, inputs, buildHash } = whole.get(node.buildHash) ?? node;
    if (derivation.kind === "fetch") return true;
    if (derivation.kind === "build") {
      const own = derivation.source.kind !== "file" || inputs.some((one) => one.derivation.kind === "fetch");
      return own && inputs.every(reaches);
    }
    if (inputs.length === 0 || !inputs.every(reaches)) {
      faults.push(`${buildHash}: it leads to no fetch and no source`);
      return false;
    }
    return true;
  };
  for (const input of layout.inputs) reaches(input);
}
