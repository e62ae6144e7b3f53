/*
 * The lives of a thread and its end: Supervisor.stop and nextLife against SubscriberThread.heedChanges and afterTurn, and
 * Dispatcher.step and hasPassed.
 *
 * Records of one unit in a ring of two; the subscription wants all of them, and takes as many at a time as it likes. The
 * bus evicts the reader, changes its filter (here the version is all that changes), and stops it at any time: what was
 * accepted until then is owed, of which a part may still be unwritten. Its message comes by itself between two turns, or is
 * read in the middle of one when the version says so. The thread dies at any step, as often as there are KILLS; once it was
 * stopped the drain may be over at any step, too: it is ended, and what it was owed is counted. Sleeping is in sleep.pml, a
 * torn copy in evict.pml.
 *
 * Holds: each record below the end is handed out, or told of as missed, once, or counted as undelivered; what an earlier
 * life may have handled comes again marked, and nothing else does; nothing is handed out from the end on, while a handler
 * of the same subscription is pending, or after teardown; the thread ends.
 */
#ifndef KILLS
#define KILLS 0
#endif
#ifdef SMALL
#define RECORDS (KILLS > 0 -> 2 : 3)
#else
#define RECORDS (KILLS > 0 -> 3 : 4)
#endif
#define CAPACITY 2
#define NEVER 255

byte tail;
bool lossy;
byte released, taken, nextSequence; /* of the slot */
byte version = 1;                   /* FILTER_VERSION */

/* The stop: the supervisor keeps it, and says it to each life. */
bool sent;
byte end = NEVER;

/* What is known of the lives before. */
byte toldUntil;
bool finished;                      /* the thread said that it was torn down */
bool alive = true, dying, expired, over;

/* Where a life begins. */
byte startSequence, startUntil;
bool startMissed, startStopped;
byte startVersion;

/* Ghosts: records that were handed out, or told of as missed, one bit each. */
byte got, missed;
byte kills = KILLS;

#define between(from, to) ((1 << (to)) - (1 << (from)))

inline stop() {
#ifdef VERSION_BEFORE_MESSAGE
  atomic { end = tail; version++ }
  sent = true
#else
  atomic {
    if :: end = tail :: tail < RECORDS -> end = tail + 1 fi;
    sent = true
  }
  version++
#endif
}

inline restart() {
  d_step {
    /* nextLife */
    startSequence = (nextSequence > toldUntil -> nextSequence : toldUntil);
    startMissed = (tail - released > CAPACITY || startSequence < released);
#ifdef TELL_AGAIN
    startSequence = nextSequence;
    startMissed = (tail - released > CAPACITY || startSequence < released);
#endif
    startSequence = (tail - released <= CAPACITY && released < startSequence -> released : startSequence);
#ifdef RESUME_SILENTLY
    startMissed = false;
#endif
    startUntil = taken;
#ifdef UNTIL_RELEASED
    startUntil = released;
#endif
    startVersion = version;
#ifdef FORGET_STOP
    startStopped = true;
#endif
    alive = true
  }
}

#ifdef CONCLUDE_ON_DEATH
#define isDone sent
#else
#ifdef DONE_BY_TAKEN
#define isDone (sent && taken >= end)
#else
#define isDone (sent && nextSequence >= end)
#endif
#endif

#ifdef COUNT_FROM_TAKEN
#define owedFrom taken
#else
#define owedFrom released
#endif

active proctype Bus() {
  byte undelivered;
  bool changed;
  do
  :: tail < RECORDS && (lossy || tail < released + CAPACITY) -> tail++
  :: !lossy -> lossy = true
#if KILLS == 0
  :: !changed -> changed = true; version++
#endif
  :: end == NEVER -> stop()
  :: !alive && (finished || isDone) ->
    atomic {
      assert(end == 0 || (between(0, end) & ~(got | missed)) == 0);
      over = true;
      break
    }
  :: !alive && !finished && expired && !isDone ->
    /* What is overwritten is not counted any more. */
    atomic {
      undelivered = (owedFrom < end -> between(owedFrom, end) : 0);
      assert(lossy || (between(0, end) & ~(got | undelivered)) == 0);
      over = true;
      break
    }
  :: !alive && !finished && !expired && !isDone -> restart()
  od
}

/* The thread dies, or is ended because the drain is over. */
active proctype End() {
  /* Not always: an end that never comes must not be hidden by it. */
  bool mayExpire;
  if :: skip :: mayExpire = true fi;
  do
  :: atomic { alive && !dying && kills > 0 -> kills--; dying = true }
  :: atomic { mayExpire && alive && !dying && sent -> mayExpire = false; expired = true; dying = true }
  :: over -> break
  od
}

inline release(position_, sequence_) {
  if
  :: released != position_ ->
    nextSequence = sequence_;
    released = position_
  :: else
  fi
}

inline tellTaken() {
#ifdef LOWER_TAKEN
  taken = position
#else
#ifdef TAKEN_LATE
  skip
#else
  if
  :: position > taken -> taken = position
  :: else
  fi
#endif
#endif
}

/* Everything up to `to` that was not seen is told of as missed. */
inline catchUp(to) {
  atomic {
    overtaken = false;
    count = (to < countedUntil -> to : countedUntil);
    if
    :: count > next ->
      assert((missed & between(next, count)) == 0);
      missed = missed | between(next, count);
      toldUntil = count
    :: else
    fi;
    next = to;
    count = 0
  }
}

inline conclude() {
#ifdef CONCLUDE_OPEN
  if
  :: overtaken && tail == position && tail > next -> catchUp(tail)
  :: else
  fi;
#endif
#ifdef CONCLUDE_BY_MESSAGE
  if
  :: tail == position && tail > next -> catchUp(tail)
  :: else
  fi;
#endif
  /* A record is to come that tells what was missed before it. */
  assert(!overtaken || hasBatch || tail != position);
  passed = (next >= end)
}

inline receive() {
  atomic {
    received = true;
    countedUntil = (end > next -> end : next)
  }
#ifdef CONCLUDE_BY_MESSAGE
  conclude();
  if
  :: passed && !busy -> tornDown = true
  :: else
  fi
#endif
}

inline hand() {
  atomic {
    if
    :: at < countedUntil ->
      assert(at < end && !tornDown && !busy && (missed & (1 << at)) == 0);
      assert(((got & (1 << at)) == 0) || at < until);
      got = got | (1 << at);
      busy = true;
      held = at
    :: else
    fi
  }
}

active proctype Thread() {
  byte position, at, next, until, known, held, count, seen, loaded;
  byte countedUntil = NEVER;
  bool overtaken, hasBatch, received, busy, passed, tornDown;
life:
  {
    do
    /* The event loop. */
    :: atomic { sent && !received && !startStopped && !tornDown } -> receive()
    :: atomic { busy -> busy = false }
    :: atomic { tornDown -> assert(!busy); finished = true; goto exit }
    :: atomic { !tornDown && (tail != position || at != position || hasBatch || received) } ->
      do
      :: at < position ->
        /* Redelivery goes one record at a time; another handler waits for the one before. */
        if
        :: busy -> break
        :: !busy && at < until -> release(at, next)
        :: else
        fi;
        if
        :: overtaken -> catchUp(at)
        :: else
        fi;
        next = at + 1;
        hand();
        at++;
        if
        :: at <= until -> break
        :: at > until && busy -> busy = false
        :: at > until -> break
        fi
      :: atomic { at == position && busy } -> release(held, held); break
      :: atomic { at == position && !busy } ->
        if
        :: hasBatch -> hasBatch = false; release(position, next)
        :: else
        fi;
#ifdef HEED_FIRST
        loaded = version;
#endif
        seen = tail;
        if
        :: seen == position -> break
        :: else
        fi;
        if
        :: atomic { tail - position > CAPACITY -> overtaken = true;
          /* The largest record is an eighth of the ring: at least one is left behind where it resumes. */
          position = (tail - CAPACITY); at = position }
          if
          :: skip
          :: atomic { position + 1 < tail -> position++; at = position }
          fi;
          tellTaken();
          released = position
        :: atomic { tail - position <= CAPACITY ->
          at = position; position = seen; hasBatch = true }
          if
          :: skip
          :: atomic { at + 1 < position -> position-- }
          fi;
          tellTaken();
#ifndef HEED_FIRST
          loaded = version;
#endif
          if
          :: loaded != known ->
            known = loaded;
            if
            :: atomic { sent && !received && !startStopped } -> receive()
            :: else
            fi
          :: else
          fi;
          /* Padding may be all that a turn comes to. */
          if :: skip :: break fi
        fi
      od;
      /* afterTurn */
      if
      :: received && !tornDown ->
        conclude();
#ifdef CONCLUDE_BUSY
        tornDown = passed
#else
        tornDown = (passed && !busy)
#endif
      :: else
      fi;
      atomic { seen = 0; loaded = 0; passed = false }
    od
  } unless { dying };
exit:
  atomic {
    dying = false; alive = false;
    hasBatch = false; received = false; busy = false; passed = false; tornDown = false;
    held = 0; count = 0; seen = 0; loaded = 0; known = 0
  }
  if
  :: over
  :: atomic { alive ->
      position = released; at = released; next = startSequence; until = startUntil; overtaken = startMissed;
      countedUntil = NEVER
#ifdef KNOWS_VERSION
      ; known = startVersion
#endif
    }
    goto life
  fi
}
