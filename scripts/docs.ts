// `npm run docs`: writes the pages of the documentation that come from the code.
import { fileURLToPath } from "node:url";
import { commandsPage } from "../src/cli/commands-page.ts";

const path = fileURLToPath(new URL("../docs/commands.md", import.meta.url));
await Bun.write(path, commandsPage());
console.log("wrote docs/commands.md");
