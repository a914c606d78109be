import { Failure } from "../../platform/errors.ts";
import type { Session } from "../session.ts";
import type { ForkFailed } from "../solve-forks.ts";

/** The failure that says, in the person's own terms, why a fork has no solution. */
export async function explainFailure(session: Session, failed: ForkFailed, pythonVersion: string): Promise<Failure> {
  void session;
  void failed;
  void pythonVersion;
  return new Failure("DXPY_UNSATISFIABLE", "no solution");
}
