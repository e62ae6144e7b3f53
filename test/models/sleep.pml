/*
 * Sleeping and waking: src/ring/waker.ts and the flushes of src/ring/ring-writer.ts against src/ring/reader-sleep.ts
 * and RingReader.resume.
 *
 * One writer, two readers, a ring of CAPACITY records of one unit. Which reader wants which record is free, so is when the
 * writer flushes, and whether the safety check ends a sleep. With EVICTS there is only the second reader, and it is made
 * lossy at any time, the first moment included: from then on it holds nobody, and the writer flushes at the latest after
 * MOVE_ON records.
 *
 * Holds: no wanted record is skipped; no cursor moves back; no cursor is in two hands; nothing unread is overwritten, and
 * nothing overwritten is read; a lossy reader is not overtaken by what it sleeps through; when all stands still, no reader
 * sleeps on a wanted record, and the writer is not stuck behind a sleeper.
 */
#ifndef SELF_WAKES
#define SELF_WAKES 0
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef EVICTS
#define EVICTS 0
#endif
#ifdef SMALL
#define RECORDS (2 + EVICTS)
#else
#define RECORDS (3 + EVICTS)
#endif
/* Records between two flushes that move a lossy reader on. */
#define MOVE_ON 1
#define LOSSY_READER 1
#define READERS 2
#define AWAKE 0
#define DROWSY 1
#define ASLEEP 2

byte tail;
byte sleepers;          /* one bit a reader */
byte wake[READERS];
byte released[READERS];
byte nextSequence[READERS];
bool lossy;             /* the second reader */
byte selfWakes;         /* how often the safety check may still end a sleep */

/* Ghosts: who wants what (one bit a record), and in whose hands the cursors are. */
byte wantedBy[READERS];
bool held[READERS];
bool inCharge[READERS];

/* What an overtaken reader has missed is told of. Whether that can be said of one that sleeps. */
#define overtaken(r) (tail - released[r] > CAPACITY)

#define wantedIn(r, from, to) (wantedBy[r] & ((1 << (to)) - (1 << (from))))

inline wakeReader(n) {
  atomic { inCharge[n] = false; wake[n] = AWAKE }
}

inline moveCursor(n) {
  from = released[n];
  if
  :: flushed > from ->
    nextSequence[n] = flushed;
    atomic {
      assert(!held[n]);
      assert(flushed >= released[n]);
      assert(!wantedIn(n, released[n], flushed));
      released[n] = flushed
    }
  :: else
  fi
}

inline moveOn(n) {
#ifdef SKIP_DROWSY
  asleep = true;
#else
  asleep = (wake[n] == ASLEEP);
#endif
  if
  :: asleep ->
    assert(!overtaken(n));
#ifdef MOVE_TO_TAIL
    flushed = tail;
#endif
    moveCursor(n)
  :: else
  fi
}

inline take(bits) {
  atomic {
    taken = sleepers & (bits);
    sleepers = sleepers & ~(bits);
    inCharge[0] = inCharge[0] || ((taken & 1) != 0);
    inCharge[1] = inCharge[1] || ((taken & 2) != 0)
  }
}

inline wakeWanting() {
  if
  :: wanted != 0 ->
#ifdef FLUSH_LOOKS_EARLY
    skip;
#else
    look = sleepers & wanted;
#endif
    if
    :: look != 0 ->
#ifdef WAKE_BEFORE_TAKING
      wake[0] = (look & 1 -> AWAKE : wake[0]);
      wake[1] = (look & 2 -> AWAKE : wake[1]);
      take(look);
      inCharge[0] = false; inCharge[1] = false;
#else
      take(look);
      r = 0;
      do
      :: r < READERS ->
        if
        :: taken & (1 << r) ->
#ifdef WAKE_BEFORE_MOVING
          asleep = (wake[r] == ASLEEP);
          wakeReader(r);
          if :: asleep -> moveCursor(r) :: else fi
#else
          moveOn(r);
          wakeReader(r)
#endif
        :: else
        fi;
        r++
      :: else -> break
      od
#endif
    :: else
    fi
  :: else
  fi;
  atomic { wanted = 0; flushed = tail; look = 0; taken = 0; r = 0; from = 0; asleep = false }
}

inline flush() {
#ifdef MOVE_ON_FIRST
  flushed = tail;
#else
  wakeWanting();
#endif
#if EVICTS && !defined(NEVER_MOVE_ON)
  if
  :: lossy -> skipSleepers(LOSSY_READER, READERS); moveOnAt = tail + MOVE_ON
  :: else
  fi;
#endif
#ifdef MOVE_ON_FIRST
  wakeWanting()
#endif
}

inline skipSleepers(from_, to_) {
  r = from_;
  do
  :: r < to_ ->
    take(1 << r);
    if
    :: taken ->
      moveOn(r);
      if
      :: asleep ->
#ifdef KEEP_BIT
        inCharge[r] = false
#else
        atomic { inCharge[r] = false; sleepers = sleepers | (1 << r) }
#endif
      :: else ->
#ifdef LEAVE_DROWSY
        atomic { inCharge[r] = false; sleepers = sleepers | (1 << r) }
#else
        wakeReader(r)
#endif
      fi
    :: else
    fi;
    r++
  :: else -> atomic { taken = 0; r = 0; from = 0; asleep = false; break }
  od
}

inline lookAtReaders() {
  d_step {
#if EVICTS
    limit = (lossy -> tail : released[LOSSY_READER]);
#else
    limit = (released[0] < released[1] -> released[0] : released[1]);
#endif
    limit = limit + CAPACITY
  }
}

inline lookWhetherDue() {
#ifdef DUE_NEVER
  due = false;
#else
#ifdef DUE_LOOKS_EARLY
  due = ((look & wanted) != 0);
#else
  due = ((sleepers & wanted) != 0);
#endif
#endif
  if
  :: due -> scheduled = true; due = false
  :: else -> atomic { wanted = 0; flushed = tail }
  fi
}

active proctype Writer() {
  byte wants, wanted, flushed, from, taken, look, r;
  byte limit = CAPACITY;
  byte evicts = EVICTS, moveOnAt;
  bool due, scheduled, asleep;
  do
#if EVICTS
  :: atomic { evicts > 0 -> evicts--; lossy = true }
#endif
  :: tail < RECORDS ->
    do
    :: limit > tail -> break
    :: else ->
      lookAtReaders();
      if
      :: limit > tail
      :: else ->
#ifdef SKIP_WITHOUT_FLUSH
        flushed = tail;
#else
        flush();
#endif
        skipSleepers(0, (lossy -> LOSSY_READER : READERS));
        lookAtReaders();
        /* Room is waited for as in park.pml; here it just comes, or the reader is evicted. */
#if EVICTS
        if :: evicts > 0 -> evicts--; lossy = true :: skip fi;
#endif
        atomic { (EVICTS || released[0] + CAPACITY > tail) && (lossy || released[1] + CAPACITY > tail) -> skip }
      fi
    od;
#if EVICTS && !defined(MOVE_ON_RARELY)
    if
    :: lossy && tail + 1 > moveOnAt -> flush()
    :: else
    fi;
#endif
#ifdef FLUSH_LOOKS_EARLY
    look = sleepers;
#endif
#ifdef DUE_LOOKS_EARLY
    look = sleepers;
#endif
    atomic {
#if EVICTS
      if :: wants = 0 :: wants = 2 fi;
#else
      if :: wants = 0 :: wants = 1 :: wants = 2 :: wants = 3 fi;
#endif
      wantedBy[0] = wantedBy[0] | ((wants & 1) << tail);
      wantedBy[1] = wantedBy[1] | ((wants >> 1) << tail);
      assert((EVICTS || tail - released[0] < CAPACITY) && (lossy || tail - released[1] < CAPACITY));
      tail++;
      wanted = wanted | wants;
      wants = 0
    }
    if
    :: !scheduled -> lookWhetherDue()
    :: else
    fi;
    if
    :: skip
    :: flush(); scheduled = false
    fi
  :: else -> break
  od;
  if
  :: scheduled -> flush()
  :: else
  fi
}

proctype Reader(byte me) {
  byte position, seen;
  bool mine;
  held[me] = true;

read:
  seen = tail;
  if
  :: seen > position ->
    atomic {
      assert(tail - position <= CAPACITY || (lossy && me == LOSSY_READER));
      position = (tail - position <= CAPACITY -> seen : tail);
      seen = 0
    }
    atomic {
      assert(held[me] && !inCharge[me]);
      assert(position >= released[me]);
      released[me] = position
    }
    goto read
  :: else -> seen = 0
  fi;
  if
  :: position == RECORDS -> goto done
  :: else
  fi;

  /* Falling asleep. */
#ifdef BIT_BEFORE_WAKE
  atomic { held[me] = false; sleepers = sleepers | (1 << me) }
  wake[me] = DROWSY;
#else
#ifdef ASLEEP_AT_ONCE
  wake[me] = ASLEEP;
#else
  wake[me] = DROWSY;
#endif
  atomic { held[me] = false; sleepers = sleepers | (1 << me) }
#endif
#ifdef NO_SECOND_LOOK
  seen = position;
#else
  seen = tail;
#endif
  if
  :: seen != position -> seen = 0; goto wakeSelf
  :: else -> seen = 0
  fi;
#ifdef ASLEEP_BY_STORE
  wake[me] = ASLEEP;
#else
  atomic { if :: wake[me] == DROWSY -> wake[me] = ASLEEP :: else fi }
#endif

end_asleep:
  if
  :: atomic { wake[me] == AWAKE -> held[me] = true; assert(!inCharge[me]) }
    goto resume
  :: atomic { selfWakes > 0 -> selfWakes-- }
    goto wakeSelf
  fi;

wakeSelf:
  atomic {
    mine = ((sleepers & (1 << me)) != 0);
    assert(!mine || wake[me] != ASLEEP || !overtaken(me));
    sleepers = sleepers & ~(1 << me);
#ifdef SELF_WAKE_WITHOUT_BIT
    mine = true;
#endif
    if
    :: mine -> held[me] = true; assert(!inCharge[me])
    :: else
    fi
  }
  if
  :: mine -> atomic { wake[me] = AWAKE; mine = false }
  :: else -> goto end_asleep
  fi;

resume:
  seen = released[me];
  if
  :: seen != position ->
    atomic {
      assert(seen > position && nextSequence[me] == seen && !wantedIn(me, position, seen));
#ifndef NO_RESUME
      position = seen;
#endif
      nextSequence[me] = 0
    }
  :: else
  fi;
  seen = 0;
  goto read;

done:
  skip
}

/* Takes its turn when nobody else can. */
active proctype Standstill() {
  timeout;
  assert((EVICTS || !wantedIn(0, released[0], tail)) && !wantedIn(1, released[1], tail))
}

init {
  atomic {
    selfWakes = SELF_WAKES;
#if EVICTS == 0
    run Reader(0);
#endif
    run Reader(1)
  }
}
