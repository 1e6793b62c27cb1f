/** Outlines on a grid of 24, drawn for Beeline, stroked in the colour of the text beside them. */
export const ICONS = {
  file: 'M7 3h7l5 5v11a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Zm7 0v5h5',
  folder: 'M3 7a2 2 0 0 1 2-2h4l2.5 2.5H19a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2Z',
  copy: 'M10 8h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM5 16a1 1 0 0 1-1-1V6a2 2 0 0 1 2-2h9a1 1 0 0 1 1 1',
  share: 'M12 15V4M8 7.5 12 3.5l4 4M6 12v6a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2v-6',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  shield: 'M12 3.5 5 6v5.5c0 4.3 2.9 7.4 7 9 4.1-1.6 7-4.7 7-9V6Zm-3.2 8.6 2.3 2.3 4.2-4.4',
  pause: 'M9 6v12M15 6v12',
  play: 'M8 5.5v13l10-6.5Z',
  close: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  save: 'M12 4v11M8 11l4 4 4-4M5 19.5h14',
  alert: 'M12 4 3 19.5h18ZM12 10v4.5M12 17v.2',
  offline: 'M4 4l16 16M8.6 15.4a5 5 0 0 1 6.8 0M5.6 12.2a9.3 9.3 0 0 1 4.2-2.4M14.2 9.8a9.3 9.3 0 0 1 4.2 2.4M12 19v.2',
  device: 'M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2ZM9 20h6M12 16v4',
  clock: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16Zm0 4v4.2l2.8 1.8',
  again: 'M19 12a7 7 0 1 1-2-4.9L19 9M19 4.5V9h-4.5',
} as const;

export type IconName = keyof typeof ICONS;
