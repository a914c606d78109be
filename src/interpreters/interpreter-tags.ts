import { type Libc, linuxPlatforms, macPlatforms, platformTag, tagsFor } from "../standards/tags.ts";

/** What the inspection script says that compatibility tags follow from. */
export interface PlatformFacts {
  /** `sysconfig.get_platform()`: `linux-x86_64`, `macosx-11.0-arm64`, `win-amd64`. */
  platform: string;
  markers: { sys_platform: string; platform_machine: string };
  pointer_bits: 32 | 64;
  debug: boolean;
  free_threaded: boolean;
  ext_suffix?: string | null;
  /** `2.36`. */
  glibc?: string | null;
  musl?: string | null;
  /** `platform.mac_ver()[0]`. */
  macos?: string | null;
  elf_flags?: { class: number; machine: number; flags: number } | null;
}

const ELF_MACHINE_ARM = 40;
const ARM_EABI5_HARD_FLOAT = 0x05000400;

/** The tags of a CPython, the best first, as `packaging.tags.sys_tags` lists them. */
export function tagsOfInterpreter(major: number, minor: number, facts: PlatformFacts): string[] {
  // A debug build for Windows tells by its suffix only: `_d.cp312-win_amd64.pyd`.
  const debug = facts.debug || (facts.ext_suffix ?? "").startsWith("_d.");
  const abiFlags = `${facts.free_threaded ? "t" : ""}${debug ? "d" : ""}`;
  return tagsFor({ implementation: "cp", major, minor, abiFlags, platforms: platformsOf(facts) });
}

function platformsOf(facts: PlatformFacts): string[] {
  if (facts.markers.sys_platform === "darwin") {
    const [major = 11, minor = 0] = numbers(facts.macos ?? "");
    return macPlatforms(major, minor, facts.markers.platform_machine);
  }
  if (facts.platform.startsWith("linux-")) {
    return linuxPlatforms(linuxMachine(facts), libcOf(facts), isHardFloat(facts));
  }
  return [platformTag(facts.platform)];
}

/** A 32-bit interpreter on a 64-bit kernel is told the kernel's machine. */
function linuxMachine({ platform, pointer_bits }: PlatformFacts): string {
  const machine = platformTag(platform.slice("linux-".length));
  if (pointer_bits === 64) return machine;
  return machine === "x86_64" ? "i686" : machine === "aarch64" ? "armv8l" : machine;
}

function libcOf({ glibc, musl }: PlatformFacts): Libc | undefined {
  const [major, minor] = numbers(glibc ?? musl ?? "");
  if (major === undefined || minor === undefined) return undefined;
  return { family: glibc ? "glibc" : "musl", major, minor };
}

function isHardFloat({ elf_flags: elf }: PlatformFacts): boolean {
  if (elf?.class !== 32 || elf.machine !== ELF_MACHINE_ARM) return false;
  return (elf.flags & ARM_EABI5_HARD_FLOAT) === ARM_EABI5_HARD_FLOAT;
}

/** `2.36` → [2, 36]; nothing for what is no such text, or for numbers that no system has. */
function numbers(text: string): number[] {
  const match = /^(\d{1,3})(?:\.(\d{1,3}))?/.exec(text);
  return match === null ? [] : [Number(match[1]), Number(match[2] ?? 0)];
}
