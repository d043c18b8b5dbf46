/** An amount times a power of ten, by its decimal digits: no error of binary fractions comes in. */
export function shiftDecimal(amount: number, places: number): number {
  const [digits, exponent = '0'] = String(amount).split('e');
  return Number(`${digits}e${Number(exponent) + places}`);
}

/** An amount to so many decimals, half up: 1.005 to two is 1.01. */
export function roundHalfUp(amount: number, decimals: number): number {
  const scale = 10 ** decimals;
  // most amounts have no more decimals, and digits are slow
  if (Math.round(amount * scale) / scale === amount) return amount;
  return shiftDecimal(Math.round(shiftDecimal(amount, decimals)), -decimals);
}

/** An amount as people read it: `1,250.00`; up to four decimals, the ledger's own, where there are more than two. */
export function writeAmount(amount: number): string {
  const [whole, cents] = roundHalfUp(amount, 4).toFixed(4).split('.');
  return `${withThousands(whole!)}.${cents!.replace(/0{1,2}$/, '')}`;
}

/** A limit as people read it: `1,000`, `999.5`. */
export function writeLimit(limit: number): string {
  const [whole, fraction] = String(limit).split('.');
  return fraction === undefined ? withThousands(whole!) : `${withThousands(whole!)}.${fraction}`;
}

const withThousands = (digits: string): string =>
  digits.length <= 3 ? digits : digits.replace(/\B(?=(?:\d{3})+$)/g, ',');
