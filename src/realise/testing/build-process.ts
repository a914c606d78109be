/** A process of its own that builds `project/odd` of the test place whose folder is its argument, and prints what came out. */
import { homeFolders } from "../../platform/home.ts";
import { realisePackages } from "../realise-packages.ts";
import { testContext, testIndex } from "./test-context.ts";

const folder = process.argv[2]!;
const place = {
  folder,
  home: homeFolders({ DX_PY_HOME: `${folder}/home` }),
  projectDir: `${folder}/project`,
  remove() {},
};
const source = { kind: "directory" as const, path: "odd", editable: false };
const [realised] = await realisePackages([{ name: "odd", source }], testContext(place, testIndex([])));
console.log(JSON.stringify({ how: realised!.how, outputHash: realised!.outputHash }));
