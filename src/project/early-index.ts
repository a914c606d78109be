/** Opens the indexes of a project while its interpreter is still being asked, with the pages of what it requires on their way. */
import type { AskedInterpreter, FirstWords } from "../interpreters/inspect.ts";
import type { Interpreter } from "../interpreters/interpreter.ts";
import type { PackageIndex } from "../package-index/client.ts";
import type { ResolveRequest } from "../resolver/request.ts";
import { normalizeName } from "../standards/names.ts";
import type { Project } from "./discover.ts";
import { type IndexRequest, openIndex } from "./index-source.ts";
import { pointingAt } from "./setting-checks.ts";

export interface EarlyIndexOptions extends Omit<IndexRequest, "interpreter" | "project"> {
  project: Project;
  requestOf(project: Project): ResolveRequest;
}

/** The index is to be closed by the caller. Failures of the interpreter, then those of `openIndex`. */
export async function openIndexEarly(
  asked: AskedInterpreter,
  options: EarlyIndexOptions,
): Promise<{ index: PackageIndex; interpreter: Interpreter }> {
  const open = async (interpreter: FirstWords) =>
    await pointingAt(options.project.main.document, () => openIndex({ ...options, interpreter }));
  const first = await asked.first;
  // What speaks against these settings is told when the interpreter has nothing to say against itself.
  const early = first === undefined ? undefined : await open(first).catch(() => undefined);
  if (early !== undefined) {
    fetchDirect(early, options.requestOf(options.project));
    // Loaded meanwhile; who needs it meets the failure.
    import("../resolver/resolve.ts").catch(() => {});
  }
  const interpreter = await asked.interpreter;
  if (early !== undefined && agree(first, interpreter)) return { index: early, interpreter };
  return { index: await open(interpreter), interpreter };
}

function agree(first: FirstWords | undefined, { defaultIndex, basePrefix }: Interpreter): boolean {
  return first?.defaultIndex === defaultIndex && first?.basePrefix === basePrefix;
}

/** What is required in every environment, from an index. */
function fetchDirect(index: PackageIndex, { requirements, sources, indexPins, root }: ResolveRequest): void {
  const rootName = normalizeName(root.name);
  for (const { requirement } of requirements) {
    const { normalized, url, marker } = requirement;
    const pin = indexPins[normalized];
    if (url !== undefined || marker !== undefined || normalized === rootName) continue;
    if (sources[normalized] !== undefined && pin === undefined) continue;
    index.fetchAhead(normalized, pin === undefined ? {} : { index: pin });
  }
}
