/** Files in what was dropped or pasted; dragging a link or a text is not ours. */
export function holdsFiles(transfer: DataTransfer | null): transfer is DataTransfer {
  return transfer?.types.includes('Files') ?? false;
}
