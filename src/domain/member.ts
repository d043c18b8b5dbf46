/** What we keep of a member: exactly what we sync, and what decides whether we do. */
export interface MemberFacts {
  /** As typed in Ghost, case kept. */
  email: string;
  name: string | null;
  status: string;
  /** Names, in Ghost's order. */
  labels: readonly string[];
  /** Whether the member receives at least one active newsletter. */
  emailEnabled: boolean;
  /** Whether Ghost itself suppresses the address; known only from the Admin API, undefined otherwise. */
  suppressed?: boolean | undefined;
  /** When the member signed up. */
  signedUpAt: Date;
}

/** The key of a contact: lower-cased, since destinations compare addresses without regard to case. */
export const addressOf = (email: string): string => email.trim().toLowerCase();

/** True when nothing that we sync differs. */
export function sameFacts(a: MemberFacts, b: MemberFacts): boolean {
  return (
    a.email === b.email &&
    a.name === b.name &&
    a.status === b.status &&
    a.emailEnabled === b.emailEnabled &&
    (a.suppressed ?? false) === (b.suppressed ?? false) &&
    a.signedUpAt.getTime() === b.signedUpAt.getTime() &&
    a.labels.length === b.labels.length &&
    a.labels.every((label, index) => label === b.labels[index])
  );
}
