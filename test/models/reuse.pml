/*
 * A slot that is given back and taken again: RingWriter.leave and join, beside the sleep of the reader before and of the
 * one after it (the whole of that is in sleep.pml).
 *
 * The first reader wants nothing and is killed at any step, asleep or awake; after its exit the slot is freed and given to
 * a second one, which wants every other record from the tail on.
 *
 * Holds: nothing is overwritten that the second reader has not released, what it copies is whole, and
 * neither it nor the writer waits for ever.
 */
#ifndef RECORDS
#define RECORDS 6
#endif
#define CAPACITY 2
#define AWAKE 0
#define DROWSY 1
#define ASLEEP 2

byte tail, flushed, released;
byte wake;
bool bit_;                 /* the reader's bit in SLEEPERS */
byte at[CAPACITY];
byte life = 1;             /* whose the slot is */
byte joinedAt;
byte needed = 255;         /* what the second reader has not released begins there; 255: it has not joined */
bool secondSleeps;
bool killed, exited;

inline fallAsleep(second) {
  wake = DROWSY;
  bit_ = true;
  if
  :: tail != position ->
    atomic { mine = bit_; bit_ = false }
    if
    :: mine -> wake = AWAKE
    :: else -> wake == AWAKE
    fi
  :: else ->
    atomic { wake == DROWSY -> wake = ASLEEP; secondSleeps = second } unless { wake == AWAKE };
    atomic { wake == AWAKE -> secondSleeps = false }
  fi;
  mine = false;
  position = (released > position -> released : position)
}

active proctype First() {
  byte position;
  bool mine;
  {
    do
    :: tail != position -> position = tail; released = position
    :: tail == position -> fallAsleep(false)
    od
  } unless { exited }
}

/* A thread that is told to end goes on for a while. */
active proctype Killer() {
  killed = true;
  exited = true
}

active proctype Second() {
  byte position, end;
  bool mine;
  life == 2;
  position = joinedAt;
  do
  :: position == RECORDS -> break
  :: position != RECORDS && tail != position ->
    end = tail;
    do
    :: position < end ->
      atomic { assert(at[position % CAPACITY] == position); position++ }
    :: else -> break
    od;
    atomic { released = position; needed = position }
  :: position != RECORDS && tail == position -> fallAsleep(true); needed = position
  od
}

inline moveOn() {
  atomic {
    released = flushed;
    needed = (secondSleeps -> flushed : needed)
  }
}

inline wakeUp() {
  /* Only the second wants anything. */
  if
  :: life == 2 && tail % 2 == 0 && bit_ ->
    atomic { taken = bit_; bit_ = false }
    if
    :: taken ->
      if
      :: wake == ASLEEP && flushed > released -> moveOn()
      :: else
      fi;
      wake = AWAKE
    :: else
    fi
  :: else
  fi;
  flushed = tail
}

inline skipSleeper() {
  atomic { taken = bit_; bit_ = false }
  if
  :: taken && wake == ASLEEP ->
    if
    :: flushed > released -> moveOn()
    :: else
    fi;
    bit_ = true
  :: taken && wake != ASLEEP -> wake = AWAKE
  :: else
  fi
}

active proctype Writer() {
  byte limit = CAPACITY;
  bool taken;
  do
  :: tail == RECORDS && life == 2 -> break
#ifdef BEFORE_EXIT
  :: life == 1 && killed ->
#else
  :: life == 1 && exited ->
#endif
    /* leave, and join for the second */
#ifndef KEEP_SLEEP
    bit_ = false;
    wake = AWAKE;
#endif
    released = tail;
    atomic { joinedAt = tail; needed = tail; limit = tail + CAPACITY; life = 2 }
  :: tail < RECORDS && tail < limit ->
    atomic {
      assert(needed == 255 || tail < needed + CAPACITY);
      at[tail % CAPACITY] = tail
    }
    tail++;
    wakeUp()
#ifdef UNGATED
  :: tail < RECORDS && tail == limit && life == 2 -> limit = tail + CAPACITY
#endif
  :: tail < RECORDS && tail == limit && released + CAPACITY > limit -> limit = released + CAPACITY
  :: tail < RECORDS && tail == limit && bit_ -> skipSleeper()
  od
}
