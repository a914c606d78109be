// The rooms of ARCHITECTURE.md: imports go down this list only, never up, and never in a circle.
const rooms = [
  "cli",
  "project",
  "environment",
  "layout",
  "realise",
  "binary-cache",
  "store",
  "lock",
  "resolver",
  "package-index",
  "interpreters",
  "standards",
  "platform",
];

const upward = rooms.slice(1).map((room, i) => ({
  name: `${room}-imports-down-only`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${rooms.slice(0, i + 1).join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "pure-rooms-touch-no-system",
      comment: "standards/ and resolver/pubgrub/ are pure: no I/O, no clock, no environment",
      severity: "error",
      from: { path: "^src/(standards|resolver/pubgrub)/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(node:|bun:|bun$)|^src/platform/", pathNot: "^src/platform/errors\\.ts$" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    parser: "swc",
    enhancedResolveOptions: { extensions: [".ts", ".js", ".json"] },
  },
};
