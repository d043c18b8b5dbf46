import { roundHalfUp, shiftDecimal } from '../../domain/amount.js';
import { MONTHLY_TWELFTHS, type PlanClass, planClassOf } from '../../domain/donor-segments.js';
import type { Plan } from '../../ledger/classy/supporters.js';

/** A plan with what it is to its donor. */
export interface ClassifiedPlan extends Plan {
  /** Null where it counts as none: a draft, or one that is not at Classy any more. */
  planClass: PlanClass | null;
  /** What it adds to what is given a month; a decimal as text, rounded to four places. */
  monthly: string;
}

/** A plan as it is added up; `isLiving`: its supporter is at Classy still. */
export function classifyPlan(plan: Plan, isLiving: boolean): ClassifiedPlan {
  const { status, isPaused, missingSince, amount, frequency } = plan;
  const planClass = (isLiving && !missingSince && planClassOf(status, isPaused)) || null;
  const twelfths = planClass === 'active' ? (MONTHLY_TWELFTHS[frequency?.toLowerCase() ?? ''] ?? 0) : 0;
  // in whole ten-thousandths, where a half is exact
  const units = roundHalfUp((shiftDecimal(Number(amount), PLACES) * twelfths) / 12, 0);
  return { ...plan, planClass, monthly: shiftDecimal(units, -PLACES).toFixed(PLACES) };
}

/** The ledger's own precision. */
const PLACES = 4;
