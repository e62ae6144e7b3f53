/*
 * Lapping: a reader that does not gate, against RingWriter's INTENT and BOUNDARY.
 *
 * Records of one or two units in a ring of four, each unit marked with its record's sequence. The reader copies a run in
 * bulk, unit by unit, checks INTENT, and only then looks at what it has. When it was overtaken it resumes at the oldest
 * indexed boundary that is GUARD units inside what is still whole, or at the tail. epoch.pml has the rest of the check.
 *
 * Holds: no record is accepted torn, out of order or twice; received + lagged = written.
 */
#ifndef RECORDS
#define RECORDS 7
#endif
#define CAPACITY 4
#define STEP 2
#define BOUNDARIES 2
#define PER_BOUNDARY 2
#define GUARD 1
#define PADDING 99

byte tail, intent;
byte boundary[BOUNDARIES];
byte sequenceAt[CAPACITY];
byte lengthAt[CAPACITY]; /* 0 in all units of a record but its first */
bool done;

inline note() {
  if
  :: (position % CAPACITY) / PER_BOUNDARY != last ->
    last = (position % CAPACITY) / PER_BOUNDARY;
    boundary[last] = position
  :: else
  fi
}

inline announce() {
  d_step {
    rounded = ((position + needed + STEP - 1) / STEP) * STEP;
    rounded = (rounded > position + CAPACITY -> position + CAPACITY : rounded)
  }
  if
  :: rounded > intent -> intent = rounded
  :: else
  fi;
  rounded = 0
}

active proctype Writer() {
  byte position, sequence, length, needed, rounded, k;
  byte last = BOUNDARIES;
  do
  :: sequence < RECORDS ->
    if :: length = 1 :: length = 2 fi;
    needed = (position % CAPACITY + length > CAPACITY -> CAPACITY - position % CAPACITY + length : length);
#ifndef NO_INTENT
#ifndef INTENT_LATE
    announce();
#endif
#endif
    if
    :: needed > length ->
      atomic { sequenceAt[position % CAPACITY] = PADDING; lengthAt[position % CAPACITY] = needed - length }
      note();
      position = position + needed - length
    :: else
    fi;
    needed = length;
    k = 0;
    do
    :: k < length ->
      atomic {
        sequenceAt[(position + k) % CAPACITY] = sequence;
        lengthAt[(position + k) % CAPACITY] = (k == 0 -> length : 0)
      }
      k++
    :: else -> break
    od;
#ifdef INTENT_LATE
    announce();
#endif
    note();
    position = position + length;
#ifdef NO_INTENT
    intent = position;
#endif
    atomic { tail = position; sequence++; length = 0; needed = 0; k = 0 }
  :: else -> break
  od;
  done = true
}

active proctype Reader() {
  byte position, end, k, checked, expected, received, lagged, length, oldest;
  byte sequences[CAPACITY];
  byte lengths[CAPACITY];
  do
  :: atomic { done && position == tail -> break }
  :: atomic { position != tail -> end = tail }
    end = (end < position + CAPACITY - position % CAPACITY -> end : position + CAPACITY - position % CAPACITY);
#ifdef CHECK_EARLY
    checked = intent;
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
#ifndef CHECK_EARLY
#ifdef CHECK_TAIL
    checked = tail;
#else
    checked = intent;
#endif
#endif
    if
    :: checked > position + CAPACITY ->
#ifdef TRUST_HEADER
      position = position + lengths[position % CAPACITY];
#else
      /* Overtaken. TAIL first: a boundary behind it is not a record yet. */
      end = tail;
      oldest = end;
      k = 0;
      do
      :: k < BOUNDARIES ->
        atomic {
          if
          :: boundary[k] < oldest && boundary[k] + CAPACITY >= checked + GUARD -> oldest = boundary[k]
          :: else
          fi
        }
        k++
      :: else -> break
      od;
      position = oldest;
#endif
    :: else ->
      d_step {
        do
        :: position < end ->
          length = lengths[position % CAPACITY];
          assert(length > 0 && position + length <= end);
          if
          :: sequences[position % CAPACITY] == PADDING
          :: else ->
            assert(length == 1 || (sequences[(position + 1) % CAPACITY] == sequences[position % CAPACITY] &&
              lengths[(position + 1) % CAPACITY] == 0));
            assert(sequences[position % CAPACITY] >= expected);
            lagged = lagged + sequences[position % CAPACITY] - expected;
            expected = sequences[position % CAPACITY] + 1;
            received++
          fi;
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
      k = 0; end = 0; checked = 0; length = 0; oldest = 0
    }
  od;
  /* What was lost at the very end shows with the next record. */
  lagged = lagged + RECORDS - expected;
  assert(received + lagged == RECORDS)
}
