import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import proto from '@temporalio/proto';
import { searchAttributes } from '../contract/search-attributes.js';

/** Which Temporal to use. */
export interface TemporalAddress {
  address: string;
  namespace: string;
  apiKey?: string | undefined;
  /** PEM texts of a client certificate and of the authority to trust. */
  tls?: { cert?: Buffer | undefined; key?: Buffer | undefined; ca?: Buffer | undefined } | undefined;
}

/** Options that client and worker connections share. */
export function connectionOptions({
  address,
  apiKey,
  tls,
}: TemporalAddress): Pick<ConnectionOptions, 'address' | 'tls'> & { apiKey?: string } {
  const pair = tls?.cert && tls.key ? { clientCertPair: { crt: tls.cert, key: tls.key } } : {};
  const authority = tls?.ca ? { serverRootCACertificate: tls.ca } : {};
  return {
    address,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls ? { tls: { ...pair, ...authority } } : apiKey === undefined ? {} : { tls: true }),
  };
}

/** A client that connects when it is first used, so that a Temporal that is down stops nobody from starting. */
export function openClient(temporalAddress: TemporalAddress): Client {
  const connection = Connection.lazy(connectionOptions(temporalAddress));
  return new Client({ connection, namespace: temporalAddress.namespace });
}

/** Registers our search attributes where they are missing: an unknown one would block a workflow task. */
export async function registerSearchAttributes(client: Client, namespace: string): Promise<void> {
  const { operatorService } = client.connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = searchAttributes.map(({ name }) => name).filter((name) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
  });
}
