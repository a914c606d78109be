/** The page `docs/commands.md`, from what the commands say of themselves. */
import { type Application, type CommandContext, generateHelpTextForAllCommands } from "@stricli/core";
import { overview } from "./overview.ts";
import { APPLICATION } from "./whole-application.ts";

const HEAD = `# Commands

Written by \`npm run docs\` from what \`dx-py help COMMAND\` shows; not to be edited by hand.

Options may stand before the command too: \`dx-py --offline install\`. Results are on stdout, everything that is said about the work on
stderr. Exit codes: 0 done, 1 the request failed, 2 wrong usage or input. What follows the command of \`run\` and all that follows \`pip\` is theirs.
`;

export function commandsPage(): string {
  const commands = generateHelpTextForAllCommands(APPLICATION as unknown as Application<CommandContext>).map(
    ([route, help]) => {
      // Typed as two words: see arguments.ts.
      const name = route.replace("lock-show", "lock show");
      const text = help
        .replaceAll("lock-show", "lock show")
        .replace(/[ \t]+$/gm, "")
        .trim();
      return `## \`${name}\`\n\n\`\`\`text\n${text}\n\`\`\`\n`;
    },
  );
  const general = overview().replace(/^dx-py \S+: /, "dx-py: ");
  return [`${HEAD}\n\`\`\`text\n${general.trim()}\n\`\`\`\n`, ...commands].join("\n");
}
