/**
 * The suite: every case of groups 1 to 7, 9, 10, 12 and 13 of the Autobahn|Testsuite, by its number, written anew from
 * the rules.
 */
import type { Case, CaseGroup } from "./case.ts";
import { closing } from "./cases/closing.ts";
import { compression } from "./cases/compression.ts";
import { fragmentation } from "./cases/fragmentation.ts";
import { framing } from "./cases/framing.ts";
import { limits } from "./cases/limits.ts";
import { utf8 } from "./cases/utf8.ts";

/** The groups, in order. */
export const groups: readonly CaseGroup[] = [
  ...framing,
  ...fragmentation,
  ...utf8,
  ...closing,
  ...limits,
  ...compression,
];

/** The cases of all groups. */
export const cases: readonly Case[] = groups.flatMap((group) => group.cases);
