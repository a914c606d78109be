/** A package object without anything that installing would have to mind: for tests to state what is different. */
import type { PackageObject } from "../package-object.ts";

export const PLAIN_OBJECT = {
  rootIsPurelib: true,
  topLevel: [],
  scripts: [],
  entryPoints: [],
  hasData: false,
  hasHeaders: false,
  realPaths: false,
  hasPth: false,
  plainRecord: true,
} satisfies Partial<PackageObject>;
