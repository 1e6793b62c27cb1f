/** The screens of a transfer, which a first visit can wait for. */
export { default as Finished } from './Finished.svelte';
export { default as Transfer } from './Transfer.svelte';
