/**
 * The suite: every case of groups 1 to 7, 9 and 10 of the Autobahn|Testsuite, by its number, written anew from the
 * rules. Groups 12 and 13 are about compression.
 */
import type { Case, CaseGroup } from "./case.ts";
import { closing } from "./cases/closing.ts";
import { fragmentation } from "./cases/fragmentation.ts";
import { framing } from "./cases/framing.ts";
import { limits } from "./cases/limits.ts";
import { utf8 } from "./cases/utf8.ts";

/** The groups, in order. */
export const groups: readonly CaseGroup[] = [...framing, ...fragmentation, ...utf8, ...closing, ...limits];

/** The cases of all groups. */
export const cases: readonly Case[] = groups.flatMap((group) => group.cases);
