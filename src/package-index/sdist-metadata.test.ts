import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { DistributionFile } from "./distribution.ts";
import type { Http, HttpRequest } from "./http.ts";
import { remoteSdistMetadata } from "./sdist-metadata.ts";

const file = {
  kind: "sdist",
  filename: "a-1.0.tar.gz",
  url: "https://a.test/a-1.0.tar.gz",
} as DistributionFile;
const pkgInfo = `Metadata-Version: 2.2\nName: a\nVersion: 1.0\nRequires-Dist: b>=1\n\n${"Words. ".repeat(600)}`;

async function sdist(members: Record<string, string>): Promise<Uint8Array> {
  const entries = Object.entries(members).map(([name, body]) => ({
    header: { name: `a-1.0/${name}`, size: body.length },
    body,
  }));
  return gzipSync(await packTar(entries), { level: 0 });
}

/** A server whose answer arrives in pieces of one size. */
function served(bytes: Uint8Array, size: number): Http {
  return {
    async request(_: string, { sink }: HttpRequest) {
      const take = sink!(new Response());
      for (let at = 0; at < bytes.length; at += size) {
        if (!(await take(bytes.slice(at, at + size)))) return;
      }
    },
  } as unknown as Http;
}

const download = () => Promise.reject(new Error("nothing is to be downloaded as a whole"));

describe("what an sdist states, read while it arrives", () => {
  test("is the same in whatever pieces, and wherever it lies in the archive", async () => {
    const others = { "MANIFEST.in": "include x\n", "setup.py": "x = 1\n".repeat(900), LICENSE: "Free.\n" };
    for (const members of [
      { ...others, "PKG-INFO": pkgInfo },
      { "PKG-INFO": pkgInfo, ...others },
    ]) {
      const bytes = await sdist(members);
      for (const size of [400, 1000, 4096, 8000, bytes.length]) {
        const metadata = await remoteSdistMetadata(file, { http: served(bytes, size), download });
        expect(metadata).toMatchObject({ name: "a", version: "1.0", requiresDist: ["b>=1"] });
      }
    }
  });

  test("may not be enough", async () => {
    const bytes = await sdist({ "setup.py": "", "PKG-INFO": pkgInfo.replace("2.2", "2.1") });
    expect(await remoteSdistMetadata(file, { http: served(bytes, 700), download })).toBe("needs-build");
  });

  test("of an archive that is cut off is an error", async () => {
    const bytes = await sdist({ "setup.py": "x = 1\n".repeat(900), "PKG-INFO": pkgInfo });
    const asked = remoteSdistMetadata(file, { http: served(bytes.slice(0, 4000), 700), download });
    expect(asked).rejects.toMatchObject({ code: "DXPY_BAD_SDIST" });
  });
});
