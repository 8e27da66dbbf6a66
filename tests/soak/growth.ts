/** Whether something grows. */

/** By how much samples taken at equal intervals have grown from the first to the last, along the straight line that fits them best. */
export function growth(samples: readonly number[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const middle = (count - 1) / 2;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / count;
  let above = 0;
  let below = 0;
  samples.forEach((sample, i) => {
    above += (i - middle) * (sample - mean);
    below += (i - middle) ** 2;
  });
  return above / below * (count - 1);
}
