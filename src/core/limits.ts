import { KIB, MIB } from './bytes.ts';

/** Numbers of the protocol. Each is a rule of SPEC.md; changing one is a new version. */

export const PROTOCOL_VERSION = 6;

/**
 * Bytes of the unit of verification and resume: 896 KiB. Chromium hashes what it has copied, and gets new memory from the
 * system page by page for copies of 960 KiB and more: 1.2 instead of 0.65 ms of processor time per MiB.
 */
export const PIECE_BYTES = 896 * KIB;

/** Bytes of a chunk's header; drawn in frame.ts. */
export const CHUNK_HEADER_BYTES = 44;

/**
 * Payload bytes of every chunk but a piece's last: a little less than a message of 64 KiB holds beside the header. Of a full
 * piece that leaves 1,792 for the fifteenth, which a new connection carries at once: SCTP begins with 12 KB, and a full
 * chunk takes two round trips more.
 */
export const CHUNK_BYTES = 65_408;

/** Bytes of a bulk message: one full chunk, or as many short ones as it has room for. */
export const MESSAGE_BYTES = CHUNK_HEADER_BYTES + CHUNK_BYTES;

/** Bytes of one control message as UTF-8: what any browser takes in one data channel message. */
export const CONTROL_MAX_BYTES = 64 * KIB;

/** Entries of a manifest. 100,000 with long names are about 20 MB of control messages: seconds, not minutes. */
export const MAX_ENTRIES = 100_000;

/** UTF-8 bytes of a path in a manifest; Linux allows 4,096. */
export const MAX_PATH_BYTES = 4_096;

/** Bytes of all entries together: 16 TiB keeps piece numbers within 32 bits with room to spare. */
export const MAX_SHARE_BYTES = 16 * 1024 * 1024 * MIB;

/** Runs in one `want` or `ack`. 2,048 pairs of numbers stay under 48 KiB of JSON. */
export const MAX_RUNS = 2_048;

/** Entries in one page of a manifest, if their text does not fill it first. */
export const MAX_PAGE_ENTRIES = 512;

/** Lanes to one receiver: sixteen fill a path of 100 Mbit/s and 50 ms with 1 % loss to a third, and each costs memory. */
export const MAX_LANES = 16;

/** Further lanes are numbered from 1, and no number is used twice on one connection. */
export const MAX_LANE_NUMBER = 65_535;

/**
 * Unwritten payload bytes a receiver allows in flight, over all lanes: 14 MiB. That covers 100 Mbit/s at 600 ms, twice: a disk may
 * take as long as the network.
 */
export const CREDIT_BYTES = 16 * PIECE_BYTES;

/**
 * Bytes of the messages that a sender may send before anything is accepted: one full piece in 15 chunks. A small photo is
 * here when its receiver clicks, and a slow network carries no more than a picture on a web page for one who does not.
 */
export const HEAD_START_BYTES = PIECE_BYTES + Math.ceil(PIECE_BYTES / CHUNK_BYTES) * CHUNK_HEADER_BYTES;

/** A piece that arrives damaged this often ends the transfer: a disk or a peer is broken, not the path. */
export const MAX_PIECE_FAILURES = 3;
