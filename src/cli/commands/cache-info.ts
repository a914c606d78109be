/** `dx-py cache info` and `verify` */
import { describeCache, verify } from "../../project/cache-acts.ts";
import { cacheChoices } from "../../project/cache-settings.ts";
import type { GeneralFlags } from "../common-flags.ts";
import type { CliContext } from "../context.ts";
import type { VerifyFlags } from "../flags/cache-flags.ts";
import { openCacheAct } from "../open-cache-act.ts";
import { openProject } from "../open-project.ts";
import { perform } from "../perform.ts";
import { count, formatDuration } from "../reporter/amounts.ts";
import { selectionOf } from "../selection-flags.ts";

export async function cacheInfo(this: CliContext, flags: GeneralFlags, url?: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const act = await openCacheAct(session);
    const urls =
      url === undefined ? cacheChoices(act.tool, act.user, act.context.env).map((one) => one.url) : [url];
    if (urls.length === 0) reporter.note("No binary cache is configured");
    const described = [];
    for (const one of urls) {
      const { url: name, info, trusted, milliseconds } = await describeCache(one, act);
      described.push({ url: name, info, trusted, milliseconds });
      const kind =
        info === undefined
          ? "no dx-cache-info: empty, or not a cache"
          : `format ${info.format}, packages ${info.package}`;
      reporter.result(`${name}\n  ${kind} (${formatDuration(milliseconds)})`);
      for (const key of info?.keys ?? []) {
        const known = trusted.includes(key.split(":", 1)[0] ?? "");
        reporter.result(`  signs with ${key}${known ? " (trusted)" : " (not trusted)"}`);
      }
    }
    reporter.json(url === undefined ? described : described[0]);
  });
}

export async function cacheVerify(this: CliContext, flags: VerifyFlags, url: string): Promise<void> {
  await perform(this, flags, async (session) => {
    const { reporter } = session;
    const act = await openCacheAct(session);
    const opened = flags.here === true ? await openProject(session, flags) : undefined;
    const checked = await verify({
      ...act,
      url,
      ...(opened === undefined ? {} : { project: { ...opened, selection: selectionOf(flags) } }),
      onChecked: ({ buildHash, state }) => reporter.detail(`${buildHash} ${state}`),
    });
    const counts = { good: 0, missing: 0, untrusted: 0, bad: 0 };
    for (const { state } of checked) counts[state] += 1;
    for (const { buildHash, state, problem } of checked) {
      if (state === "bad") reporter.result(`${buildHash} ${problem ?? state}`);
    }
    reporter.note(
      `${count(checked.length, "mapping")}: ${counts.good} good, ${counts.untrusted} good and not signed by a trusted key, ` +
        `${counts.missing} missing, ${counts.bad} bad`,
    );
    reporter.json({ ...counts, mappings: checked });
    return counts.bad === 0 ? 0 : 1;
  });
}
