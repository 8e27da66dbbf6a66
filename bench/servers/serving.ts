/** What the servers of the bench have in common. */
import process from "node:process";

/** Tells the bench the port, and ends when the bench does. */
export function serving(port: number): void {
  console.log(JSON.stringify({ port }));
  process.stdin.on("end", () => process.exit(0)).resume();
}
