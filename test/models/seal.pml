/*
 * The end of an uplink as the bus closes: UplinkWriter's claim against ConnectedThread's close and seal, and the thread's first
 * words, which the owner may not have heard (Reception.hear).
 *
 * The thread says its first words, then publishes records until it is told that the bus is closing; each is accepted or refused when its call returns, and
 * the thread may die at any step. One that finds no room waits on the thread's heap, accepted, and is written when there is room.
 * The owner says that the bus is closing: to all in WRITER_STATE, then to those whose first words have come by then. An uplink
 * that it has not heard of by then is none to it. At any time after that, unless something waits on the heap of a thread that lives,
 * seals the uplink: what counts is settled then, and taken over.
 *
 * Holds: what counts is exactly what was accepted, but for what a dead thread was writing, or had on its heap. Neither waits for
 * the other in the middle of a call.
 */
#ifndef RECORDS
#define RECORDS 3
#endif

byte tail;
bool state;             /* WRITER_STATE: closing */
bool greeted;           /* the first words are where the owner finds them */
bool known;             /* the owner has heard them */
bool met;               /* and the thread knows that */
bool closing;           /* OWNER_CLOSING */
byte version;           /* VERSION */
byte bound;             /* BOUND */
bool sealed;            /* SEAL: the bit */
byte claims;            /* SEAL: the count above it */
byte queued;            /* QUEUED */
byte accepted;          /* as the thread has told its callers */
byte refused;           /* the first one refused, plus one */
bool dead;
bool stopped;
bool settled;

inline die() {
  if
  :: true -> goto dying
  :: true -> skip
  fi
}

/* Counts one more in SEAL, unless it is sealed. */
inline claim(isTooLate) {
  isTooLate = false;
  do
  :: true ->
    die();
    seen = claims;
    if
    :: sealed -> isTooLate = true; break
    :: else
    fi;
    die();
#ifdef CLAIM_BLINDLY
    claims++;
    break
#else
    if
    :: atomic { !sealed && claims == seen -> claims++ }; break
    :: atomic { else -> skip }
    fi
#endif
  od
}

active proctype Thread() {
  byte i, seen;
  bool looked, late;
#ifndef GREET_LATE
  greeted = true;
#endif
  do
  :: i < RECORDS ->
    /* Whoever publishes looks for news first. */
    if
    :: version != 0 -> break
    :: else
    fi;
    die();
#ifndef NO_STATE
    /* An owner that may not have heard of the thread cannot tell it. */
    if
    :: !met ->
      if
      :: state -> break
      :: else
      fi
    :: else
    fi;
    die();
#endif
#ifdef GREET_LATE
    greeted = true;
#endif
    if
    :: true ->
      /* No room. */
#ifdef LOOK_BEFORE_QUEUED
      looked = closing;
      die();
#endif
      queued = 1;
      die();
#ifndef LOOK_BEFORE_QUEUED
      looked = closing;
#endif
#ifndef NO_QUEUE_CLAIM
      if
      :: looked ->
        claim(late);
        if
        :: late -> queued = 0; refused = i + 1; goto stop
        :: else
        fi
      :: else
      fi;
#endif
      /* `publish` returns false: the event waits. */
      accepted = i + 1;
      die();
      tail = i + 1;
      die();
      queued = 0;
      die()
    :: true ->
#ifdef LOOK_BEFORE_TAIL
      looked = closing;
      die();
#endif
      tail = i + 1;
      die();
#ifndef LOOK_BEFORE_TAIL
      looked = closing;
#endif
#ifndef NO_CLAIM
      if
      :: looked ->
        claim(late);
        if
        :: late && i + 1 > bound -> refused = i + 1; goto stop
        :: else
        fi
      :: else
      fi;
#endif
      accepted = i + 1
    fi;
    i++
  :: else -> break
  od;
stop:
  stopped = true;
  goto over;
dying:
  atomic { dead = true; stopped = true };
over:
  skip
}

inline hear() {
  if
  :: greeted -> known = true
  :: else
  fi
}

active proctype Owner() {
  byte seen;
  if
  :: greeted -> known = true; met = true
  :: true
  fi;
#ifdef HEAR_FIRST
  hear();
#endif
  state = true;
#if !defined(HEAR_FIRST) && !defined(NO_HEAR)
  hear();
#endif
  if
  :: !known -> settled = true; goto over
  :: else
  fi;
  closing = true;
  version = 1;
again:
#ifdef QUEUED_BEFORE_SEAL
  if
  :: queued > 0 && !dead -> goto again
  :: else
  fi;
#endif
  seen = claims;
#ifndef QUEUED_BEFORE_SEAL
  if
  :: queued > 0 && !dead -> goto again
  :: else
  fi;
#endif
#ifdef SEAL_FIRST
  sealed = true;
#endif
  bound = tail;
#ifndef SEAL_FIRST
#ifdef SEAL_BLINDLY
  sealed = true;
#else
  if
  :: atomic { claims == seen -> sealed = true }
  :: atomic { else -> skip }; goto again
  fi;
#endif
#endif
  settled = true;
over:
  skip
}

active proctype Check() {
  atomic {
    stopped && settled ->
    /*
     * All that was accepted, and nothing that was refused; of a dead thread, the one that it was at may count or not, and the
     * one that waited on its heap is lost with it.
     */
    assert(accepted <= bound || (dead && queued > 0 && accepted == bound + 1));
    assert(refused == 0 || bound < refused);
    assert(dead || bound == accepted)
  }
}
