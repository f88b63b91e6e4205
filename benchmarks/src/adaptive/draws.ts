import { normal } from '../harness/statistics.ts'

/** Draws with a mean of 1, by how far they scatter. */
export type Draw = (random: () => number) => number

/** Lognormal, with this coefficient of variation (deviation ÷ mean). */
export function lognormal(variation: number): Draw {
  const sigma = Math.sqrt(Math.log(1 + variation ** 2))
  return random => Math.exp(sigma * normal(random) - sigma ** 2 / 2)
}

export function exponential(): Draw {
  return random => -Math.log(1 - random())
}

/** One in ten takes ten times as long as the others. */
export function bimodal(): Draw {
  return random => (random() < 0.1 ? 10 / 1.9 : 1 / 1.9)
}
