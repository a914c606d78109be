export async function runCommandLine(argv: string[]): Promise<number> { const s = await import("@stricli/core"); console.log(s.numberParser("3"), argv.length); return 0; }
