/*
 * The floor of the case raw/128B/1: one thread copies messages of 128 bytes into a ring of 4 MiB, another copies each out
 * and sums its last byte. Prints messages per second, and the sum.
 *
 * cc -O2 -pthread ring.c; a.out MESSAGES
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_BYTES 128
#define SLOTS (4 * 1024 * 1024 / MESSAGE_BYTES)

/* Each on cache lines of its own. */
static _Alignas(128) _Atomic uint64_t tail;
static _Alignas(128) _Atomic uint64_t head;
static _Alignas(128) unsigned char ring[SLOTS][MESSAGE_BYTES];
static uint64_t messages;

static void *read_all(void *sum) {
  unsigned char message[MESSAGE_BYTES];
  uint32_t checksum = 0;
  uint64_t at = 0;
  while (at < messages) {
    uint64_t end = atomic_load_explicit(&tail, memory_order_acquire);
    for (; at < end; at++) {
      memcpy(message, ring[at % SLOTS], MESSAGE_BYTES);
      checksum += message[MESSAGE_BYTES - 1];
    }
    atomic_store_explicit(&head, at, memory_order_release);
  }
  *(uint32_t *)sum = checksum;
  return NULL;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  messages = strtoull(argv[1], NULL, 10);
  uint32_t sum = 0;
  pthread_t reader;
  unsigned char message[MESSAGE_BYTES] = {0};
  double start = seconds();
  if (pthread_create(&reader, NULL, read_all, &sum) != 0) return 1;
  uint64_t limit = SLOTS;
  for (uint64_t at = 0; at < messages; at++) {
    while (at >= limit) limit = atomic_load_explicit(&head, memory_order_acquire) + SLOTS;
    message[MESSAGE_BYTES - 1] = (unsigned char)at;
    memcpy(ring[at % SLOTS], message, MESSAGE_BYTES);
    atomic_store_explicit(&tail, at + 1, memory_order_release);
  }
  pthread_join(reader, NULL);
  printf("{\"rate\":%.0f,\"checksum\":%u}", (double)messages / (seconds() - start), sum);
  return 0;
}
