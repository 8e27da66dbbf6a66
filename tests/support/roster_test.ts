import { deepEqual, equal } from "node:assert/strict";
import { Roster } from "../../src/support/roster.ts";
import { test } from "../harness.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => ({ name })) as [
  { name: string },
  { name: string },
  { name: string },
  { name: string },
];
const names = (members: Iterable<{ name: string }>): string[] => [...members].map(({ name }) => name).sort();

test("a roster holds what came and did not go", () => {
  const roster = new Roster<{ name: string }>();
  deepEqual(names(roster), []);
  const places = [a, b, c].map((member) => roster.add(member));
  deepEqual(names(roster), ["a", "b", "c"]);
  equal(roster.remove(b, places[1]!), true);
  deepEqual(names(roster), ["a", "c"]);
  equal(roster.remove(b, places[1]!), false);
  deepEqual(names(roster), ["a", "c"], "to go twice changes nothing");
  equal(roster.add(d), places[1], "a place is given again");
  equal(roster.remove(b, places[1]!), false, "it is another's now");
  deepEqual(names(roster), ["a", "c", "d"]);
  equal(roster.size, 3);
  for (const [member, place] of [[a, 0], [d, 1], [c, 2]] as const) roster.remove(member, places[place]!);
  equal(roster.size, 0);
  equal(roster.add(b), 0, "when all have gone, the places go too");
  deepEqual(names(roster), ["b"]);
});

test("whoever goes while the roster is read is not met any more", () => {
  const roster = new Roster<{ name: string }>();
  const places = [a, b, c].map((member) => roster.add(member));
  const met: string[] = [];
  for (const { name } of roster) {
    met.push(name);
    roster.remove(b, places[1]!);
  }
  deepEqual(met, ["a", "c"]);
});

test("the set of a roster is one set, which changes with it", () => {
  const roster = new Roster<{ name: string }>();
  const place = roster.add(a);
  const { set } = roster;
  equal(roster.set, set);
  deepEqual(names(set), ["a"]);
  const second = roster.add(b);
  deepEqual(names(set), ["a", "b"]);
  equal(set.size, 2);
  roster.remove(a, place);
  equal(set.has(a), false);
  roster.remove(b, second);
  equal(set.size, 0);
});
