import { expect, it } from 'vitest';
import { fragmentOf } from '../../src/ui/link.ts';
import { FRAGMENT } from '../doubles/services.ts';

it.each([
  ['a complete link', `https://beeline.example/#${FRAGMENT}`],
  ['a link under another name of the server', `http://192.168.1.5:8080/#${FRAGMENT}`],
  ['a fragment', `#${FRAGMENT}`],
  ['its characters alone', ` ${FRAGMENT}\n`],
  ['a link inside a sentence', `Here: https://beeline.example/#${FRAGMENT} see you`],
])('finds the fragment in %s', (_, pasted) => {
  expect(fragmentOf(pasted)).toBe(FRAGMENT);
});

it.each([
  ['nothing', ''],
  ['a link without a secret', 'https://beeline.example/'],
  ['a link cut short', `https://beeline.example/#${FRAGMENT.slice(0, -1)}`],
  ['a link with more at its end', `https://beeline.example/#${FRAGMENT}A`],
  ['a form that no share writes', `#${FRAGMENT.slice(0, -1)}B`],
  ['other text', 'the quick brown fox ju'],
])('finds none in %s', (_, pasted) => {
  expect(fragmentOf(pasted)).toBeNull();
});
