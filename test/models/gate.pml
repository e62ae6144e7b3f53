/*
 * Gating: RingWriter.open, claim and commit behind ReaderGate's cached minimum, against RingReader.take and release.
 *
 * Records of one or two units in a ring of four; INTENT goes up in steps of three. A record is encoded in place in the
 * window that `open` gives, all of which is scribbled on, or claimed, with padding where it does not fit before the end.
 * One reader is there from the start, one joins at the tail at some time.
 *
 * Holds: no unit is touched that a gating reader has not released; what a reader copies is what was written there.
 */
#ifndef UNITS
#define UNITS 10
#endif
#define CAPACITY 4
#define STEP 3
#define READERS 2
#define SCRIBBLE 255

byte shown;             /* TAIL */
byte released[READERS];
byte at[CAPACITY];      /* the position of the unit that is there; a later lap's is another */
bool joined;
bool done;

inline touch(position, value) {
  atomic {
    assert(position < released[0] + CAPACITY);
    assert(!joined || position < released[1] + CAPACITY);
    at[(position) % CAPACITY] = value
  }
}

inline refreshLimit() {
#ifdef IGNORE_READERS
  limit = tail;
#else
  lowest = tail;
  one = released[0];
  lowest = (one < lowest -> one : lowest);
  one = released[1];
  limit = (joined && one < lowest -> one : lowest);
#endif
#ifdef ONE_MORE
  limit++;
#endif
  limit = limit + CAPACITY;
  atomic { lowest = 0; one = 0 }
}

inline raiseIntent(least) {
  if :: least > limit -> refreshLimit() :: else fi;
  d_step {
    rounded = (((least) + STEP - 1) / STEP) * STEP;
#ifndef PAST_LIMIT
    rounded = (rounded > limit -> limit : rounded);
#endif
    intent = (rounded > intent -> rounded : intent);
    rounded = 0
  }
}

active proctype Writer() {
  byte tail, intent, length, toEnd, needed, lowest, one, rounded, k;
  byte limit = CAPACITY;
  do
  :: tail + 2 > UNITS -> break
  :: else ->
    if
    :: !joined ->
      atomic {
#ifdef JOIN_BELOW
        released[1] = (tail > 1 -> tail - 2 : 0);
#else
        released[1] = tail;
#endif
        joined = true
      }
    :: true
    fi;
    if :: length = 1 :: length = 2 fi;
    toEnd = CAPACITY - tail % CAPACITY;

    /* In place. */
    if
    :: intent - tail < length -> raiseIntent(tail + length)
    :: else
    fi;
    needed = (intent - tail < toEnd -> intent - tail : toEnd);
    k = 0;
    do
    :: k < needed -> touch(tail + k, SCRIBBLE); k++
    :: else -> break
    od;
    if
    :: needed >= length -> goto write
    :: else
    fi;

claim:
#ifdef FORGET_PADDING
    needed = length;
#else
    needed = (length <= toEnd -> length : toEnd + length);
#endif
    if
    :: intent - tail < needed ->
      raiseIntent(tail + needed);
      if
      :: intent - tail < needed ->
        /* Room is waited for as in park.pml. */
        released[0] + CAPACITY >= tail + needed && (!joined || released[1] + CAPACITY >= tail + needed);
        goto claim
      :: else
      fi
    :: else
    fi;
    if
    :: length > toEnd ->
      do
      :: toEnd > 0 -> touch(tail, tail); tail++; toEnd--
      :: else -> break
      od
    :: else
    fi;

write:
#ifdef SHOW_EARLY
    shown = tail + length;
#endif
    do
    :: length > 0 -> touch(tail, tail); tail++; length--
    :: else -> break
    od;
    atomic { shown = tail; k = 0; needed = 0; toEnd = 0 }
  od;
  done = true
}

proctype Reader(byte me) {
  byte position, seen, k;
end_absent:
  me == 0 || joined;
  position = released[me];
  do
  :: atomic { done && position == shown -> break }
  :: atomic { shown > position -> seen = shown }
    /* Up to the end of the ring at a time. */
    seen = (seen < position + CAPACITY - position % CAPACITY -> seen : position + CAPACITY - position % CAPACITY);
#ifdef RELEASE_EARLY
    released[me] = seen;
#endif
    k = position;
    do
    :: k < seen -> assert(at[k % CAPACITY] == k); k++
    :: else -> break
    od;
    released[me] = seen;
    atomic { position = seen; seen = 0; k = 0 }
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1)
  }
}
