/**
 * The short form of `npm run netlab -- matrix`: a hole that can be punched, one that cannot, networks that let out little, and
 * a lost packet.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labRefusal } from './namespaces.ts';
import { Matrix } from './matrix.ts';

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

describe.skipIf(refusal !== null)('two people find the path there is, and the file arrives equal', () => {
  let matrix: Matrix;

  beforeAll(async () => {
    matrix = await Matrix.open();
  });
  afterAll(() => matrix.close());

  test.for([
    ['carrier', 'port-restricted'],
    ['port-restricted', 'symmetric'],
    ['tcp-443', 'no-udp'],
    ['ipv6', 'symmetric'],
  ] as const)('%s to %s', async ([sender, receiver]) => {
    expect(await matrix.between(sender, receiver)).toMatchObject({ isRight: true });
  });

  test('[C18] carrier to ipv6, whose first packet to the relay is lost', async () => {
    expect(await matrix.betweenLosing('carrier', 'ipv6')).toMatchObject({ isRight: true });
  });
});
