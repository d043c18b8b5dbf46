/** A decimal as people read it: two places, more only where there are more; null where there is none. */
export function showAmount(decimal: string | null, currency: string | null): string {
  if (decimal === null) return 'no amount';
  const [whole, fraction = ''] = decimal.split('.');
  const places = fraction.replace(/0+$/, '').padEnd(2, '0');
  return `${whole}.${places}${currency === null ? '' : ` ${currency}`}`;
}
