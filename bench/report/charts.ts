/** The charts of a suite. */
import type { Subject } from "../harness/suite.ts";
import { summarize } from "../harness/summary.ts";
import type { Measured } from "./run.ts";
import { barChart, lineChart } from "./svg.ts";

/** A chart and its place. */
export interface Chart {
  /** Its file name, without extension. */
  readonly name: string;
  /** The id of the workload; absent for all of them. */
  readonly workload?: string;
  readonly title: string;
  readonly svg: string;
}

function isOwn({ id }: Subject): boolean {
  return id.startsWith("woshou-");
}

/** One chart per workload, or one growth chart for all. */
export function charts({ suite, results }: Measured): Chart[] {
  const { figure, subjects, workloads, growth } = suite;
  const summaries = summarize(figure, results).filter((summary) => Number.isFinite(summary.figure));
  if (growth !== undefined) {
    const lines = subjects.map((subject) => ({
      label: subject.title,
      kind: subject.runtime,
      dashed: !isOwn(subject),
      points: summaries.filter((summary) => summary.subject === subject.id).map((summary) => ({
        x: workloads.find(({ id }) => id === summary.workload)!.at!,
        y: summary.figure,
      })),
    }));
    const svg = lineChart(suite.title, figure.title, growth.axis, lines);
    return [{ name: suite.id, title: suite.title, svg }];
  }
  return workloads.map(({ id, title: written }) => {
    const title = written.replaceAll("`", "");
    const bars = summaries.filter((summary) => summary.workload === id).map((summary) => {
      const subject = subjects.find((each) => each.id === summary.subject)!;
      return {
        label: subject.title,
        value: summary.figure,
        text: figure.text(summary.figure),
        kind: isOwn(subject) ? subject.runtime : subject.bare === true ? "limit" : "other",
      } as const;
    });
    const unit = figure.lessIsBetter ? `${figure.title}; less is better` : figure.title;
    return { name: id, workload: id, title, svg: barChart(title, unit, bars) };
  });
}
