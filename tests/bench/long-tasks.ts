/** Tasks of over 50 ms, in which a page answers nobody, as the Long Tasks API counts them. */
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import type { Span } from './beeline.ts';

interface LongTask {
  /** As in {@link Span}. */
  readonly from: number;
  readonly ms: number;
}

interface Watched {
  readonly longTasks: readonly LongTask[];
}

/** To be called before the pages are opened. */
export async function watchLongTasks(device: Device): Promise<void> {
  await device.context.addInitScript(() => {
    const longTasks: LongTask[] = [];
    Object.assign(window, { longTasks });
    const observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        longTasks.push({ from: performance.timeOrigin + startTime, ms: duration });
    });
    observer.observe({ type: 'longtask', buffered: true });
  });
}

/** Milliseconds of each long task that lies within a span. */
export function longTasksWithin(page: Page, span: Span): Promise<number[]> {
  return page.evaluate(
    ({ from, to }) =>
      (window as unknown as Watched).longTasks
        .filter((task) => task.from >= from && task.from + task.ms <= to)
        .map(({ ms }) => Math.round(ms)),
    span,
  );
}
