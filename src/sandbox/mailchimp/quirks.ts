/** What MailChimp has been seen to do in more than one way, whom it refuses, and faults that only it has; assign at any time. */
export class Quirks {
  /** A re-subscription that is not allowed, in a batch: an entry in `errors`, or the member as it was and no word of it. */
  batchCompliance: 'error' | 'silent' = 'error';
  /** An address twice in a batch: the whole call is refused, or only the repetition. */
  batchDuplicates: 'call' | 'item' = 'call';
  /** How an address that is taken already is refused when somebody moves to it. */
  takenAddress: 'member-exists' | 'invalid-resource' = 'member-exists';
  /** Whether somebody whom the API unsubscribed can be subscribed by it again, or nothing happens. */
  apiUnsubscribe: 'reversible' | 'final' = 'reversible';
  /** Addresses in a segment call that are not in the audience: named in `errors`, or skipped without a word. */
  segmentStrangers: 'reported' | 'silent' = 'reported';
  /** Segment calls refuse people who are not subscribed, be it to add or to remove them. */
  segmentsNeedSubscribed = false;
  /** How a batch that holds one of the fault's `poisonAddresses` fails: 400 that names the item, 400 that does not, 500. */
  poisonedBatch: 'named' | 'unnamed' | 'error' = 'error';
  /** So many of the next batches refuse every second person, for a reason that passes. */
  halfFailBatches = 0;
  /** Nobody can be added with an address at one of these domains. */
  fakeDomains = ['example.com'];
  /** Nobody can be added with one of these addresses. */
  fakeAddresses: string[] = [];
  /** Nobody can be added with a role as the part before the @. */
  roles = ['abuse', 'admin', 'hostmaster', 'noc', 'postmaster', 'spam', 'webmaster'];
  /** Addresses that have signed up to a lot of lists very recently. */
  busyAddresses: string[] = [];
}
