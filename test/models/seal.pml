/*
 * The end of an uplink as the bus closes: UplinkWriter's claim against ConnectedThread's close and seal.
 *
 * The thread publishes records until it is told that the bus is closing; each is accepted or refused when its call returns, and
 * the thread may die at any step. The owner says that the bus is closing, and at any time after that seals the uplink: what
 * counts is settled then, and taken over.
 *
 * Holds: what counts is exactly what was accepted, but for the record that a dead thread was writing. Neither waits.
 */
#ifndef RECORDS
#define RECORDS 3
#endif

byte tail;
bool closing;           /* OWNER_CLOSING */
byte version;           /* VERSION */
byte bound;             /* BOUND */
bool sealed;            /* SEAL: the bit */
byte claims;            /* SEAL: the count above it */
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

active proctype Thread() {
  byte i, seen;
  bool looked;
  do
  :: i < RECORDS ->
    /* Whoever publishes looks for news first. */
    if
    :: version != 0 -> break
    :: else
    fi;
    die();
#ifdef LOOK_BEFORE_TAIL
    looked = closing;
    die();
#endif
    tail = i + 1;
    die();
#ifndef LOOK_BEFORE_TAIL
    looked = closing;
#endif
    if
    :: looked ->
#ifdef NO_CLAIM
      skip
#else
again:
      die();
      seen = claims;
      if
      :: sealed ->
        if
        :: i + 1 > bound -> refused = i + 1; goto stop
        :: else
        fi
      :: else ->
        die();
#ifdef CLAIM_BLINDLY
        claims++
#else
        if
        :: atomic { !sealed && claims == seen -> claims++ }
        :: atomic { else -> skip }; goto again
        fi
#endif
      fi
#endif
    :: else
    fi;
    accepted = i + 1;
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

active proctype Owner() {
  byte seen;
  closing = true;
  version = 1;
again:
  seen = claims;
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
  settled = true
}

active proctype Check() {
  atomic {
    stopped && settled ->
    /* All that was accepted, and nothing that was refused; of a dead thread, the one that it was at may count or not. */
    assert(accepted <= bound);
    assert(refused == 0 || bound < refused);
    assert(dead || bound == accepted)
  }
}
