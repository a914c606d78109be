import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { commandsPage } from "./commands-page.ts";

const PAGE = fileURLToPath(new URL("../../docs/commands.md", import.meta.url));

test("docs/commands.md is what the commands say of themselves; `npm run docs` writes it", async () => {
  expect(await Bun.file(PAGE).text()).toBe(commandsPage());
});
