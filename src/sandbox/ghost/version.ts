/** The versions of Ghost that were measured; what differs between them is switched by `since`. */
export type GhostVersion = '6.65' | '6.44' | '6.20' | '5.130';

const repository = 'https://github.com/TryGhost/Ghost';

/** What a version of Ghost does differently, by the notes and the captured deliveries. */
export function traitsOf(version: GhostVersion) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const since = (wantMajor: number, wantMinor: number) =>
    major > wantMajor || (major === wantMajor && minor >= wantMinor);
  return {
    contentVersion: `v${version}`,
    userAgent: since(6, 27) ? `Ghost(${repository})` : `Ghost/${version} (${repository})`,
    acceptEncoding: since(6, 45) ? 'gzip, deflate, br, zstd' : 'gzip, deflate, br',
    eventInBody: since(6, 45),
    tiersInEdits: since(6, 28),
    tierChangeInPrevious: since(6, 57),
    notificationKeys: since(6, 45),
    commentingKeys: since(6, 0),
    deletesWebhookOn410: !since(6, 27),
  };
}

/** The traits of one version. */
export type Traits = ReturnType<typeof traitsOf>;
