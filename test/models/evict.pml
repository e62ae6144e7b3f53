/*
 * Eviction: RingWriter.evict against RingReader.copyOut of a reader that gated until then; and a stop that drops what is
 * unread, which is an eviction that nobody is told of.
 *
 * Records of one or two units in a ring of four, of two only where they fit before its end (lap.pml has padding). The writer evicts at any time. The
 * reader copies a run unit by unit, then looks at its STATE, and only when that says LOSSY at INTENT. It releases what it
 * took at once or later. A stop says so by the version, then evicts; the reader looks at the version between taking a run
 * and handing it out, and ends there.
 *
 * Holds: no record is accepted torn, out of order or twice; none is lost before the eviction; received + lagged = written;
 * a reader that was stopped, and not evicted before, never tells of a loss.
 */
#ifndef RECORDS
#define RECORDS 6
#endif
#define CAPACITY 4
#define STEP 2
#define GATING 0
#define LOSSY 1

byte tail, intent, released;
byte state = GATING;
byte sequenceAt[CAPACITY];
byte lengthAt[CAPACITY]; /* 0 in a record's second unit */
byte written;
bool done;
bool stopped; /* FILTER_VERSION, and the message behind it */
bool evicted; /* not by a stop */

inline evict() {
  gates = false;
#ifndef STATE_LATE
  state = LOSSY;
#endif
  limit = position + CAPACITY
}

inline stop() {
  stopped = true;
  if
  :: gates -> evict()
  :: else
  fi
}

active proctype Writer() {
  byte position, length, rounded, k;
  byte limit = CAPACITY;
  bool gates = true;
  do
  :: gates -> evicted = true; evict()
  :: !stopped -> stop()
  :: written < RECORDS ->
    if :: length = 1 :: position % CAPACITY + 2 <= CAPACITY -> length = 2 fi;
    do
    :: position + length <= limit -> break
    :: else ->
      if
      :: gates ->
        if
        :: atomic { released + CAPACITY >= position + length -> limit = released + CAPACITY }
        :: evicted = true; evict()
        :: !stopped -> stop()
        fi
      :: else -> limit = position + CAPACITY
      fi
    od;
    atomic {
      rounded = ((position + length + STEP - 1) / STEP) * STEP;
      rounded = (rounded > limit -> limit : rounded)
    }
    if
    :: rounded > intent -> intent = rounded
    :: else
    fi;
    rounded = 0;
    do
    :: k < length ->
      atomic {
        sequenceAt[(position + k) % CAPACITY] = written;
        lengthAt[(position + k) % CAPACITY] = (k == 0 -> length : 0)
      }
#ifdef STATE_LATE
      state = (gates -> GATING : LOSSY);
#endif
      k++
    :: else -> break
    od;
    atomic { position = position + length; tail = position; written++; length = 0; k = 0 }
  :: written == RECORDS -> break
  od;
  done = true
}

active proctype Reader() {
  byte position, end, k, seenState, checked, expected, received, lagged, length;
  byte sequences[CAPACITY];
  byte lengths[CAPACITY];
  bool lossy, heeded;
#ifdef HEED_FIRST
  bool resumed;
#endif
  do
  :: atomic { done && position == tail -> break }
  :: released != position -> released = position
  :: atomic { position != tail -> end = tail }
    /* Up to the end of the ring at a time. */
    end = (end < position + CAPACITY - position % CAPACITY -> end : position + CAPACITY - position % CAPACITY);
#ifdef STATE_FIRST
    seenState = state;
#endif
#ifdef HEED_FIRST
    if
    :: !resumed -> heeded = stopped
    :: else
    fi;
#endif
    k = position;
    do
    :: k < end ->
      atomic {
        sequences[k % CAPACITY] = sequenceAt[k % CAPACITY];
        lengths[k % CAPACITY] = lengthAt[k % CAPACITY]
      }
      k++
    :: else -> break
    od;
#ifndef STATE_FIRST
    if
    :: !lossy -> seenState = state
    :: else
    fi;
#endif
    lossy = (lossy || seenState == LOSSY);
#ifndef NO_TEST
    if
    :: lossy -> checked = intent
    :: else
    fi;
#endif
    if
    :: checked > position + CAPACITY ->
      assert(state == LOSSY);
      /* Overtaken. Where it resumes is in lap.pml; the tail will do. */
#ifdef HEED_FIRST
      resumed = true;
#endif
      atomic { position = tail; released = tail }
    :: else ->
#ifndef NO_HEED
#ifndef HEED_FIRST
      heeded = stopped;
#endif
      if
      :: heeded -> goto ended
      :: else
      fi;
#endif
      d_step {
        do
        :: position < end ->
          length = lengths[position % CAPACITY];
          assert(length > 0 && position + length <= end);
          assert(length == 1 || (sequences[(position + 1) % CAPACITY] == sequences[position % CAPACITY] &&
            lengths[(position + 1) % CAPACITY] == 0));
          assert(sequences[position % CAPACITY] == expected ||
            (sequences[position % CAPACITY] > expected && evicted));
          lagged = lagged + sequences[position % CAPACITY] - expected;
          expected = sequences[position % CAPACITY] + 1;
          received++;
#ifdef HEED_FIRST
          resumed = false;
#endif
          position = position + length
        :: else -> break
        od
      }
    fi;
    d_step {
      k = 0;
      do
      :: k < CAPACITY -> sequences[k] = 0; lengths[k] = 0; k++
      :: else -> break
      od;
      k = 0; end = 0; checked = 0; length = 0; seenState = 0
    }
  od;
  /* What was lost at the very end shows with the next record. */
  assert(expected == RECORDS || evicted || stopped);
  lagged = lagged + RECORDS - expected;
  assert(received + lagged == written);
ended:
  skip
}
