/*
 * An uplink: UplinkWriter on the connected thread against Connections and UplinkDrain on the owner's.
 *
 * The thread writes RECORDS records, each in two steps that die apart, and then leaves, idles, or both; it may die at any step.
 * The owner takes over what TAIL shows, frees its room, and sleeps when there is nothing: it is woken by a ring, or by the
 * closing of the port when the thread is dead. A connection is done when its thread has left or is dead and the uplink is empty.
 *
 * Holds: what TAIL has shown is taken over once, whole and in order, whenever the thread dies; the owner never sleeps for ever
 * on a record or on a thread that has left; a connection that is done has nothing left in its uplink.
 */
#ifndef RECORDS
#define RECORDS 3
#endif
#define CAPACITY 2

byte tail;
byte released;
byte first[CAPACITY];   /* the two halves of what lies in a unit: the record's number plus one */
byte second[CAPACITY];
bool asleep;            /* OWNER_ASLEEP */
bool leaving;           /* LEAVING */
byte rings;             /* on their way */
bool dead;              /* and its port closed */
bool stopped;           /* the thread does nothing more */
bool waiting;           /* the owner is in its event loop, and nothing is to be done */
bool isOver;             /* the owner has nothing to do with the connection any more */

inline die() {
  if
  :: true -> goto dying
  :: true -> skip
  fi
}

inline ringIfAsleep() {
#ifdef RING_FIRST
  if
  :: asleep -> rings++; die(); asleep = false
  :: else
  fi
#else
  atomic { was = asleep; asleep = false };
  die();
  if
  :: was -> rings++
  :: else
  fi;
  was = false
#endif
}

active proctype Thread() {
  byte i;
  bool was;
  do
  :: i < RECORDS ->
    released + CAPACITY > i;          /* room: park.pml has the details */
    die();
#ifdef TAIL_FIRST
    tail = i + 1;
    die();
#endif
#ifdef LOOK_BEFORE_TAIL
    was = asleep;
    die();
#endif
    first[i % CAPACITY] = i + 1;
    die();
    second[i % CAPACITY] = i + 1;
    die();
#ifndef TAIL_FIRST
    tail = i + 1;
    die();
#endif
#ifdef LOOK_BEFORE_TAIL
    if
    :: was -> asleep = false; rings++
    :: else
    fi;
    was = false;
#else
    ringIfAsleep();
#endif
    i++
  :: else -> break
  od;
  if
  :: true -> goto idle
  :: true
  fi;
  die();
  leaving = true;
  die();
#ifndef LEAVE_SILENTLY
  ringIfAsleep();
#endif
  die();
idle:
  stopped = true;
  goto over;
dying:
  was = false;
  atomic { stopped = true; dead = true };
over:
  skip
}

active proctype Owner() {
  byte taken, shown;
  bool gone;
round:
  /* Before the look at TAIL: what was written before it was said is found. */
#ifndef LEAVING_AFTER
  gone = (leaving || dead);
#endif
  shown = tail;
  do
  :: taken < shown ->
    assert(first[taken % CAPACITY] == taken + 1 && second[taken % CAPACITY] == taken + 1);
    taken++;
    released = taken
  :: else -> break
  od;
#ifdef LEAVING_AFTER
  gone = (leaving || dead);
#endif
  if
  :: gone ->
    assert(taken == tail);
    isOver = true;
    goto over
  :: else
  fi;
  /* Falls asleep: the bit, then a look at all that the thread rings for. */
#ifdef LOOK_BEFORE_BIT
  if
  :: tail != taken || leaving || dead -> goto round
  :: else
  fi;
#endif
  asleep = true;
#ifndef LOOK_BEFORE_BIT
#ifndef NO_SECOND_LOOK
  if
#ifdef IGNORE_LEAVING
  :: tail != taken -> asleep = false; goto round
#else
  :: tail != taken || leaving || dead -> asleep = false; goto round
#endif
  :: else
  fi;
#endif
#endif
  waiting = true;
  do
  :: atomic { rings > 0 -> rings--; waiting = false }; goto round
#ifndef DEAF_TO_DEATH
  :: atomic { dead -> waiting = false }; goto round
#endif
  :: atomic { waiting && stopped && rings == 0 && !dead -> assert(taken == tail && !leaving) }; goto over
#ifdef DEAF_TO_DEATH
  :: atomic { waiting && stopped && rings == 0 && dead -> assert(taken == tail) }; goto over
#endif
  od;
over:
  skip
}
