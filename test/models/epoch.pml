/*
 * The lap check across wrapped counters: INTENT modulo 2^32 and EPOCH, as RingWriter stores them.
 *
 * 16 stands for 2^32, 4 for the 2^30 of EPOCH_UNITS. The reader may fall behind as far as it likes.
 *
 * Holds: a reader that is told it was not overtaken was not, at the load of INTENT; one that is told it was, is or is
 * about to be.
 */
#ifndef UNITS
#define UNITS 60
#endif
#define MODULUS 16
#define HALF 8
#define EPOCH_UNITS 4
#define CAPACITY 3

byte intent, epoch;
byte reached, announced; /* INTENT unwrapped: as stored, and as about to be */

active proctype Writer() {
  byte next;
  do
  :: next < UNITS ->
    if :: next = next + 1 :: next = next + CAPACITY fi;
#ifdef EPOCH_LATE
    atomic { announced = next; reached = next; intent = next % MODULUS }
    epoch = next / EPOCH_UNITS
#else
    atomic { announced = next; epoch = next / EPOCH_UNITS }
    atomic { reached = next; intent = next % MODULUS }
#endif
  :: else -> break
  od
}

active proctype Reader() {
  byte position, seenIntent, seenEpoch, seenReached;
  short behind;
  bool lapped;
  do
  :: position < UNITS ->
#ifdef EPOCH_FIRST
    seenEpoch = epoch;
#endif
    atomic { seenIntent = intent; seenReached = reached }
#ifndef EPOCH_FIRST
    seenEpoch = epoch;
#endif
    d_step {
      behind = (seenIntent + MODULUS - position % MODULUS) % MODULUS;
      behind = (behind >= HALF -> behind - MODULUS : behind);
#ifdef NO_EPOCH
      lapped = (behind > CAPACITY);
#else
#ifdef EPOCH_STRICT
      lapped = (seenEpoch > position / EPOCH_UNITS || behind > CAPACITY);
#else
      lapped = (seenEpoch >= position / EPOCH_UNITS + 2 || behind > CAPACITY);
#endif
#endif
      assert(lapped || seenReached <= position + CAPACITY);
      assert(!lapped || announced > position + CAPACITY)
    }
    if
    :: lapped -> position = seenReached
    :: !lapped && position < seenReached -> position++
    :: else
    fi;
    atomic { seenIntent = 0; seenEpoch = 0; seenReached = 0; behind = 0; lapped = false }
  :: else -> break
  od
}
