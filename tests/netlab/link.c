/*
 * A shaped link between two network namespaces: a TUN device in each, and between them a rate, a queue, a delay and loss.
 *
 *   link NETNS_A DEVICE_A NETNS_B DEVICE_B        (paths of namespaces, such as /run/netns/x)
 *
 * Makes both devices, prints "ready", and then answers each line of standard input with one line:
 *
 *   ab rate=1e8 delay=0.025 jitter=0 loss=0.01 burst=3 queue=1048576 up=1   ->  ok
 *   ba ...                                                                  ->  ok
 *   stats                                                                   ->  {"ab":{...},"ba":{...}}
 *
 * ab is what A sends to B. Units: bits of IP packets per second (0: no limit), seconds, a fraction, packets, bytes, 0 or 1.
 * What is not named stays as it is. Ends, and takes its devices along, when standard input ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* Packets in the queue and on the wire of one direction: 32 MiB at most, touched only as far as they are used. */
#define SLOTS 16384
#define SLOT_BYTES 2032

/* Packets read from one device before the other has its turn: 2,000 times as many a second. */
#define READ_BATCH 256

/*
 * The link works at most once in this time, because a wake-up costs as much as several packets: 25 us, measured in a
 * virtual machine, and full packets are 120 us apart at 100 Mbit/s. What comes meanwhile is seen late by half of it on
 * average, and what is due leaves early by half of it at most, so that delays stay right on average.
 */
#define GRAIN (SECOND / 2000)

struct packet {
  int64_t due;
  uint32_t length;
  uint8_t bytes[SLOT_BYTES];
};

struct direction {
  const char *name;
  int from, to;

  double rate, loss, burst;
  int64_t delay, jitter, queue;
  bool up;

  /* A ring: what is under way lies from head up to tail, and both only grow. */
  struct packet *slots;
  uint64_t head, tail;
  /* When the last packet of the queue is on the wire, and when the last one on the wire arrives. */
  int64_t busy_until, last_due;
  bool in_burst;
  uint64_t random;

  /* lost: by chance, on the wire; dropped: by a full queue, or a link that is down. */
  uint64_t packets, bytes, lost, dropped;
};

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("link: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(2);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

/* From 0 up to 1. xorshift64*, Vigna 2016. */
static double chance(struct direction *d) {
  d->random ^= d->random >> 12;
  d->random ^= d->random << 25;
  d->random ^= d->random >> 27;
  return (double)((d->random * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/*
 * Independent losses, or with a burst over 1 runs of that mean length: Gilbert's two states, entered so often that the
 * fraction lost is still the same.
 */
static bool is_lost(struct direction *d) {
  if (d->burst <= 1) return chance(d) < d->loss;
  d->in_burst = chance(d) < (d->in_burst ? 1 - 1 / d->burst : d->loss / (d->burst * (1 - d->loss)));
  return d->in_burst;
}

/*
 * Takes one packet into the queue. The queue is not simulated but computed: each packet knows at once when it arrives.
 * So a change of rate or delay holds for what comes after it. Jitter never reorders.
 */
static void accept_packet(struct direction *d, struct packet *packet, int64_t at) {
  int64_t backlog = d->busy_until > at ? d->busy_until - at : 0;
  bool is_full = d->rate > 0 && backlog > 0 && backlog * d->rate / 8e9 + packet->length > d->queue;
  if (!d->up || is_full || d->tail - d->head == SLOTS - 1) {
    d->dropped++;
    return;
  }
  d->busy_until = at + backlog + (d->rate > 0 ? (int64_t)(packet->length * 8e9 / d->rate) : 0);
  if (is_lost(d)) {
    d->lost++;
    return;
  }
  int64_t varied = d->jitter > 0 ? (int64_t)((2 * chance(d) - 1) * d->jitter) : 0;
  int64_t due = d->busy_until + (d->delay + varied > 0 ? d->delay + varied : 0);
  packet->due = d->last_due = due > d->last_due ? due : d->last_due;
  d->tail++;
}

/* Reads straight into the next free slot, which `accept_packet` keeps or leaves free. @returns how many packets. */
static int take_in(struct direction *d, int64_t at) {
  for (int count = 0; count < READ_BATCH; count++) {
    struct packet *packet = &d->slots[d->tail % SLOTS];
    ssize_t length = read(d->from, packet->bytes, SLOT_BYTES);
    /* EIO: the device is not up yet. */
    if (length < 0 && (errno == EAGAIN || errno == EINTR || errno == EIO)) return count;
    if (length <= 0) die("reading %s: %s", d->name, strerror(errno));
    packet->length = (uint32_t)length;
    accept_packet(d, packet, at);
  }
  return READ_BATCH;
}

/* @returns how many packets. */
static int deliver(struct direction *d, int64_t at) {
  int count = 0;
  for (; d->head != d->tail; d->head++, count++) {
    struct packet *packet = &d->slots[d->head % SLOTS];
    if (packet->due > at + GRAIN / 2) break;
    if (write(d->to, packet->bytes, packet->length) < 0) {
      d->dropped++;
    } else {
      d->packets++;
      d->bytes += packet->length;
    }
  }
  return count;
}

/* Nanoseconds until the next packet is due; -1 when none is under way. */
static int64_t next_due(const struct direction both[2], int64_t at) {
  int64_t wait = -1;
  for (const struct direction *d = both; d < both + 2; d++) {
    if (d->head == d->tail) continue;
    int64_t due = d->slots[d->head % SLOTS].due - at;
    if (wait < 0 || due < wait) wait = due > 0 ? due : 0;
  }
  return wait;
}

static int open_tun(const char *netns, const char *device) {
  int space = open(netns, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) < 0) die("entering %s: %s", netns, strerror(errno));
  close(space);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tun < 0) die("opening /dev/net/tun: %s", strerror(errno));
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (ioctl(tun, TUNSETIFF, &request) < 0) die("making %s in %s: %s", device, netns, strerror(errno));
  return tun;
}

static void open_direction(struct direction *d, const char *name, int from, int to, uint64_t seed) {
  *d = (struct direction){.name = name, .from = from, .to = to, .up = true, .queue = 1 << 20, .random = seed};
  d->slots = mmap(NULL, SLOTS * sizeof(struct packet), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (d->slots == MAP_FAILED) die("no memory: %s", strerror(errno));
}

static void set(struct direction *d, const char *key, double value) {
  if (strcmp(key, "rate") == 0) d->rate = value;
  else if (strcmp(key, "delay") == 0) d->delay = (int64_t)(value * SECOND);
  else if (strcmp(key, "jitter") == 0) d->jitter = (int64_t)(value * SECOND);
  else if (strcmp(key, "loss") == 0) d->loss = value;
  else if (strcmp(key, "burst") == 0) d->burst = value;
  else if (strcmp(key, "queue") == 0) d->queue = (int64_t)value;
  else if (strcmp(key, "up") == 0) d->up = value != 0;
  else die("there is no %s", key);
}

static void shape(struct direction *d) {
  for (char *word = strtok(NULL, " "); word != NULL; word = strtok(NULL, " ")) {
    char *equals = strchr(word, '=');
    if (equals == NULL) die("%s has no value", word);
    *equals = '\0';
    set(d, word, strtod(equals + 1, NULL));
  }
  /* What is on a wire that is cut never arrives, and nothing waits for what was there before. */
  if (!d->up) d->dropped += d->tail - d->head, d->head = d->tail, d->busy_until = d->last_due = 0;
}

static void print_stats(const struct direction *d) {
  printf("\"%s\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"dropped\":%" PRIu64 "}", d->name,
         d->packets, d->bytes, d->lost, d->dropped);
}

static void obey(char *line, struct direction both[2]) {
  const char *word = strtok(line, " ");
  if (word == NULL) die("an empty line");
  if (strcmp(word, "stats") == 0) {
    putchar('{');
    print_stats(&both[0]);
    putchar(',');
    print_stats(&both[1]);
    puts("}");
  } else {
    struct direction *d = strcmp(word, both[0].name) == 0 ? &both[0] : strcmp(word, both[1].name) == 0 ? &both[1] : NULL;
    if (d == NULL) die("there is no %s", word);
    shape(d);
    puts("ok");
  }
  fflush(stdout);
}

/* Obeys each whole line that has come; what follows the last one waits for its end. */
static void listen_to_owner(struct direction both[2]) {
  static char text[4096];
  static size_t length = 0;
  ssize_t got = read(STDIN_FILENO, text + length, sizeof text - 1 - length);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) exit(0);
  length += (size_t)got;
  text[length] = '\0';
  char *line = text;
  for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
    *end = '\0';
    obey(line, both);
    line = end + 1;
  }
  length = strlen(line);
  if (length == sizeof text - 1) die("a line of over %zu characters", length);
  memmove(text, line, length);
}

int main(int count, char **arguments) {
  if (count != 5) die("usage: link NETNS_A DEVICE_A NETNS_B DEVICE_B");
  /* On a busy machine the link must not be what is late. */
  setpriority(PRIO_PROCESS, 0, -20);
  prctl(PR_SET_TIMERSLACK, 1);

  int a = open_tun(arguments[1], arguments[2]);
  int b = open_tun(arguments[3], arguments[4]);
  static struct direction both[2];
  open_direction(&both[0], "ab", a, b, UINT64_C(0x9e3779b97f4a7c15));
  open_direction(&both[1], "ba", b, a, UINT64_C(0xbf58476d1ce4e5b9));
  puts("ready");
  fflush(stdout);

  const struct timespec grain = {0, GRAIN};
  struct pollfd polled[] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  for (;;) {
    int64_t at = now();
    int moved = take_in(&both[0], at) + take_in(&both[1], at) + deliver(&both[0], at) + deliver(&both[1], at);
    int64_t wait = moved > 0 ? 0 : next_due(both, at);
    struct timespec timeout = {wait / SECOND, wait % SECOND};
    if (moved > 0) clock_nanosleep(CLOCK_MONOTONIC, 0, &grain, NULL);
    if (ppoll(polled, 3, wait < 0 ? NULL : &timeout, NULL) < 0 && errno != EINTR) die("ppoll: %s", strerror(errno));
    if (polled[2].revents != 0) listen_to_owner(both);
  }
}
