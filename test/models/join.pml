/*
 * Replay: findStart, RetainedRecords.seek and RingWriter.join, beside a gating reader that is there from the start.
 *
 * Records of one or two units in a ring of four, which may lie across its end; INTENT goes up in steps of three. Events
 * are accepted first and written later (the heap queue). At some time a second reader joins: at the tail for what is
 * accepted from then on, or at an indexed boundary that the ring still holds, for any sequence from there on.
 *
 * Holds: no unit is touched that a gating reader has not released; the reader that joined gets every record from its
 * joinSequence on, once, in order.
 */
#ifndef RECORDS
#define RECORDS 5
#endif
#define CAPACITY 4
#define STEP 3
#define BOUNDARIES 2
#define PER_BOUNDARY 2

byte shown;                /* TAIL */
byte released[2];
byte at[CAPACITY];         /* the position of the unit that is there */
byte sequenceAt[CAPACITY];
bool headerAt[CAPACITY];   /* whether a record begins there */
bool joined;
byte startSequence, joinSequence;
byte due;                  /* the sequence that is to be delivered first */
bool done;

inline refreshLimit() {
  /* A lower cursor is always safe, so the order of the loads does not matter. */
  atomic {
    limit = (released[0] < tail -> released[0] : tail);
    limit = (joined && released[1] < limit -> released[1] : limit);
    limit = limit + CAPACITY
  }
}

inline joinAt(position, sequence) {
  released[1] = position;
  startSequence = sequence;
#ifndef KEEP_LIMIT
  limit = (position + CAPACITY < limit -> position + CAPACITY : limit);
#endif
  joined = true
}

inline join() {
  if
  :: joinAt(tail, written);
    due = accepted;
#ifdef NOW_AT_TAIL
    joinSequence = written
#else
    joinSequence = accepted
#endif
  :: k = 0;
    do
    :: k + 1 < BOUNDARIES -> k++
    :: break
    od;
#ifdef RETAINED_BY_TAIL
    if
    :: tail - boundary[k] <= CAPACITY ->
#else
    if
    :: intent - boundary[k] <= CAPACITY ->
#endif
      joinAt(boundary[k], boundarySequence[k]);
      joinSequence = startSequence;
      do
      :: joinSequence < accepted -> joinSequence++
      :: break
      od;
      due = joinSequence
    :: else
    fi
  fi;
  k = 0
}

active proctype Writer() {
  byte accepted, written, tail, intent, length, rounded, k;
  byte limit = CAPACITY;
  byte last = BOUNDARIES - 1;
  byte boundary[BOUNDARIES];
  byte boundarySequence[BOUNDARIES];
  do
  :: accepted < RECORDS -> accepted++
  :: !joined -> atomic { join() }
  :: written < accepted ->
    if :: length = 1 :: length = 2 fi;
    if
    :: intent - tail < length ->
      if
      :: tail + length > limit -> refreshLimit()
      :: else
      fi;
      atomic {
        rounded = ((tail + length + STEP - 1) / STEP) * STEP;
        rounded = (rounded > limit -> limit : rounded);
        intent = (rounded > intent -> rounded : intent);
        rounded = 0
      }
    :: else
    fi;
    if
    :: intent - tail >= length ->
      atomic {
        do
        :: last != (tail % CAPACITY) / PER_BOUNDARY ->
          last = (last + 1) % BOUNDARIES;
          boundary[last] = tail;
          boundarySequence[last] = written
        :: else -> break
        od
      }
      do
      :: k < length ->
        atomic {
          assert(tail + k < released[0] + CAPACITY);
          assert(!joined || tail + k < released[1] + CAPACITY);
          at[(tail + k) % CAPACITY] = tail + k;
          sequenceAt[(tail + k) % CAPACITY] = written;
          headerAt[(tail + k) % CAPACITY] = (k == 0)
        }
        k++
      :: else -> break
      od;
      atomic { tail = tail + length; shown = tail; written++ }
    :: else
      /* No room: another look, later. Waiting for it is in park.pml. */
    fi;
    atomic { length = 0; k = 0 }
  :: written == RECORDS -> break
  od;
  done = true
}

/* Only its cursor matters here. */
active proctype First() {
end_idle:
  do
  :: released[0] < shown -> released[0]++
  od
}

active proctype Joined() {
  byte position, end, expected;
end_absent:
  joined;
  atomic { position = released[1]; expected = startSequence }
  do
  :: atomic { done && position == shown -> break }
  :: atomic { shown > position -> end = shown }
    do
    :: position < end ->
      atomic {
        assert(at[position % CAPACITY] == position);
        assert(expected > startSequence || headerAt[position % CAPACITY]);
        if
        :: headerAt[position % CAPACITY] ->
          assert(sequenceAt[position % CAPACITY] == expected);
          if
          :: expected >= joinSequence -> assert(expected == due); due++
          :: else
          fi;
          expected++
        :: else
        fi;
        position++
      }
    :: else -> break
    od;
    atomic { released[1] = position; end = 0 }
  od;
  assert(due == RECORDS)
}
