/**
 * A private environment is an ordinary one: a real folder with files of its own, which pip may change. It is what a
 * person gets who detaches a project, and what everybody gets where no layout can be made (requirement C4).
 */
import { existsSync, renameSync, unlinkSync } from "node:fs";
import type { Interpreter } from "../interpreters/interpreter.ts";
import { DESCRIPTION_FILE, type LayoutDescription, readDescription } from "../layout/layout-description.ts";
import { type LayoutPackage, type LayoutPlan, type LinkMode, projectHash } from "../layout/layout-plan.ts";
import { placeTree } from "../layout/place-files.ts";
import { prefixTree } from "../layout/plan-prefix.ts";
import { describeLayout, descriptionFile } from "../layout/settle-layout.ts";
import { uniqueName } from "../platform/atomic-file.ts";
import { Failure } from "../platform/errors.ts";
import type { Home } from "../platform/home.ts";
import { readLink } from "../platform/links.ts";
import { removeTree } from "../platform/staging.ts";
import type { Store } from "../store/store.ts";
import { replaceEnvironment } from "./attach.ts";
import { removeRoot } from "./roots.ts";

export type PrivateReason = NonNullable<LayoutDescription["private"]>;

/** Why the environment at `link` is private; `undefined` when it is not one of dx-py's private ones. */
export function privateEnvironment(link: string): LayoutDescription | undefined {
  if (readLink(link) !== null) return undefined;
  const description = readDescription(link);
  return description?.private === undefined ? undefined : description;
}

/** Files of one's own, which may be edited in place: extents are shared with the store where the filesystem can. */
export const OWN_FILES: LinkMode = "clone";

/** Writes the environment of a plan as a real folder at `link`, in place of what was there. Returns the number of files' places. */
export function installPrivate(
  plan: LayoutPlan,
  link: string,
  reason: PrivateReason,
  linkMode: LinkMode = OWN_FILES,
): number {
  const placed: LayoutPlan = { ...plan, linkMode };
  const description = { ...describeLayout(plan, projectHash(plan)), linkMode, private: reason };
  const tree = prefixTree(placed, link, { private: true });
  tree.children.set(DESCRIPTION_FILE, descriptionFile(description));
  const staging = `${link}.${uniqueName("new-")}`;
  try {
    const links = placeTree(tree, staging, { linkMode, readOnly: false });
    replaceEnvironment(link, () => {
      if (existsSync(link) || readLink(link) !== undefined) unlinkSync(link);
      renameSync(staging, link);
    });
    return links;
  } finally {
    removeTree(staging);
  }
}

/** The plan that a description stands for, with the packages as the store has them. Failure `DXPY_NOT_IN_STORE`. */
export function planOfDescription(
  description: LayoutDescription,
  interpreter: Interpreter,
  store: Store,
): LayoutPlan {
  const packages = description.packages.map((p): LayoutPackage & { editable?: string } => ({
    outputHash: p.outputHash,
    object: store.readPackageObject(p.outputHash),
    treePath: store.objectPath(p.outputHash),
    ...(p.directUrl === undefined ? {} : { directUrl: p.directUrl }),
    ...(p.editable === undefined ? {} : { editable: p.editable }),
  }));
  return {
    interpreter,
    packages: packages.filter((p) => p.editable === undefined),
    editables: packages.filter((p) => p.editable !== undefined).map((p) => ({ ...p, path: p.editable! })),
    linkMode: description.linkMode,
    realPaths: description.realPaths,
    ...(description.prompt === undefined ? {} : { prompt: description.prompt }),
  };
}

export interface DetachOptions {
  home: Home;
  store: Store;
  /** Absolute path of `.venv`. */
  link: string;
  /** Default {@link OWN_FILES}. */
  linkMode?: LinkMode;
  /** Asks the interpreter at this path about itself. */
  inspect: (executable: string) => Interpreter | Promise<Interpreter>;
}

/**
 * Makes a project's attached environment a private copy of itself. Its layout is kept alive by this project no longer.
 * Failure `DXPY_NOT_ATTACHED` when there is no layout behind the link.
 */
export async function detachEnvironment(options: DetachOptions): Promise<{ packages: number }> {
  const { home, store, link } = options;
  const target = readLink(link);
  const description = typeof target === "string" ? readDescription(target) : undefined;
  if (description === undefined) {
    throw new Failure("DXPY_NOT_ATTACHED", `${link} is not a link to a layout of dx-py`, {
      context: { path: link },
      hint:
        target === null
          ? "It is a folder of its own already."
          : "Run `dx-py install` first: it makes the environment.",
    });
  }
  const interpreter = await options.inspect(description.interpreter.executable);
  installPrivate(planOfDescription(description, interpreter, store), link, "detached", options.linkMode);
  removeRoot(home, link);
  return { packages: description.packages.length };
}
