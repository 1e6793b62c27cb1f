/** Worker entry: owns one file, because only a worker may hold a sync access handle. See core/opfs-messages.ts. */
import { BeelineError } from '../core/errors.ts';
import { buffersOf, type OpfsReply, type OpfsRequest } from '../core/opfs-messages.ts';
import { OpfsFile, diskError } from './opfs-file.ts';

let file: OpfsFile | null = null;
/** The request before has been answered: opening is asynchronous, and order must hold. */
let answered: Promise<void> = Promise.resolve();

self.addEventListener('message', ({ data }: MessageEvent<OpfsRequest>) => {
  answered = answered.then(async () => {
    reply(await answer(data));
  });
});

async function answer(request: OpfsRequest): Promise<OpfsReply> {
  try {
    return await carryOut(request);
  } catch (thrown) {
    const { code, detail } = diskError(thrown);
    return { kind: 'failed', code, detail };
  }
}

async function carryOut(request: OpfsRequest): Promise<OpfsReply> {
  switch (request.kind) {
    case 'open':
      file = await OpfsFile.open(request.name, request.size);
      return { kind: 'done' };
    case 'commit':
      if (file === null) throw new BeelineError('internal', 'commit before open');
      await file.commit(request.writes);
      return { kind: 'committed', buffers: buffersOf(request.writes) };
    case 'recall':
      if (file === null) throw new BeelineError('internal', 'recall before open');
      return { kind: 'recalled', intact: await file.recall(request.pieces) };
    case 'rest':
      file?.rest();
      return { kind: 'done' };
  }
}

function reply(message: OpfsReply): void {
  self.postMessage(message, message.kind === 'committed' ? { transfer: [...message.buffers] } : {});
}
