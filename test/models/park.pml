/*
 * The writer's wait for room: RoomWait.park, block and unpark against RingReader.release.
 *
 * The writer writes UNITS records of one unit; when it finds no room it asks for one unit or for all, blocked or parked.
 * A block may end early, and may come while others of the writer's thread are parked. Two readers release in steps of
 * their choice; one that has read everything may sleep, and the writer may then move it on, waking it or not.
 *
 * With EVICTION the first reader may get stuck between two steps. The writer then evicts it: by a timer, or by the first
 * look of a publishSync, while others of the writer's thread are parked; or between two slices of a block. An evicted
 * reader counts no more; it may go on, and then it still releases, or never.
 *
 * Holds: the writer never waits for ever.
 */
#ifndef UNITS
#define UNITS 3
#endif
#define CAPACITY 2
#define READERS 2
#define AWAKE 0
#define PARKED 1
#define BLOCKED 2

byte tail;
byte released[READERS];
short need = -CAPACITY;
byte waiting;           /* WRITER_WAIT */
bool suspended;         /* the writer is inside Atomics.wait */
byte messages;          /* on their way to the parked writer */
bool sleeping[READERS]; /* the reader's cursor is the writer's; sleep.pml has the details */
byte earlyReturns = 1;
byte interruptions = 1; /* blocks while parked */
bool evicted;           /* the first reader */
#ifdef EVICTION
bool stuck;
bool mayStick = true;
#define mayEvict (stuck && !evicted)
#else
#define mayEvict false
#endif

inline lookAtReaders() {
  lowest = (evicted -> tail : released[0]);
  one = released[1];
  atomic { lowest = (one < lowest -> one : lowest); one = 0 }
}

/* Looks; if that is not enough, moves sleepers on and looks again. */
inline findRoom(least) {
  lookAtReaders();
  if
  :: lowest >= least
  :: else ->
    again = true;
    r = 0;
    do
    :: r < READERS ->
      if
      :: sleeping[r] -> released[r] = tail
      :: sleeping[r] ->
        atomic { released[r] = tail; sleeping[r] = false }
#ifdef LOOK_AGAIN_IF_SKIPPED
        again = false
#endif
      :: else
      fi;
      r++
    :: else -> break
    od;
    if
    :: again -> lookAtReaders()
    :: else
    fi;
    atomic { again = false; r = 0 }
  fi
}

inline announce(how) {
#ifdef LOOK_BEFORE_ANNOUNCING
  findRoom(tail + room - CAPACITY);
#endif
#ifndef NEED_AFTER_LOOKING
  need = tail + room - CAPACITY;
#endif
  waiting = how;
#ifndef LOOK_BEFORE_ANNOUNCING
  findRoom(tail + room - CAPACITY);
#endif
#ifdef NEED_AFTER_LOOKING
  need = tail + room - CAPACITY;
#endif
  enough = (lowest >= tail + room - CAPACITY);
  lowest = 0;
  if
  :: enough -> waiting = AWAKE
  :: else
  fi
}

active proctype Writer() {
  byte lowest, one, room, r;
  bool enough, again, parked;
  do
  :: tail < UNITS ->
    findRoom(tail + 1 - CAPACITY);
    if
    :: lowest >= tail + 1 - CAPACITY -> lowest = 0; tail++
    :: true ->
      lowest = 0;
      if :: room = 1 :: room = CAPACITY fi;
      if
      :: goto block
      :: goto park
      fi
    fi;
    goto next;
park:
    announce(PARKED);
    if
    :: enough -> goto next
    :: else -> parked = true
    fi;
waitParked:
    if
    :: messages > 0 -> messages--
    :: atomic { interruptions > 0 -> interruptions--; goto block }
    :: atomic { mayEvict -> evicted = true }
#ifdef EVICT_UNTOLD
      goto waitParked
#endif
    fi;
    goto next;
block:
    announce(BLOCKED);
    if
    :: enough -> goto blockDone
    :: else
    fi;
#ifdef SUSPEND_BLINDLY
    suspended = true;
#else
    atomic { suspended = (waiting == BLOCKED) }
#endif
    if
    :: !suspended
    :: atomic { earlyReturns > 0 -> earlyReturns--; suspended = false }
#ifdef EVICT_WITHOUT_LOOKING
    :: atomic { mayEvict -> evicted = true }
      !suspended
#else
    :: atomic { mayEvict -> evicted = true; suspended = false }
#endif
    fi;
    waiting = AWAKE;
blockDone:
#ifdef FORGET_PARKED
    if
    :: parked -> goto waitParked
    :: else
    fi;
#endif
next:
    atomic { room = 0; enough = false; parked = false }
  :: else -> break
  od
}

proctype Reader(byte me) {
  byte position, seen, how;
  short least;
  bool crosses;
  do
  :: position == UNITS -> break
#ifdef EVICTION
  :: atomic { me == 0 && mayStick -> mayStick = false; stuck = true };
end_stuck:
    atomic { evicted -> stuck = false }
    if
    :: true
    :: break
    fi
#endif
  :: position < UNITS ->
    seen = tail;
    if
    :: seen > position ->
      if :: true :: seen = position + 1 fi;
#ifdef LOOK_BEFORE_RELEASING
      how = waiting;
#endif
      released[me] = seen;
#ifndef LOOK_BEFORE_RELEASING
      how = waiting;
#endif
      if
      :: how != AWAKE ->
        least = need;
#ifdef CROSS_LATE
        crosses = (seen > least && position <= least);
#else
        crosses = (seen >= least && position < least);
#endif
        if
        :: crosses ->
          atomic {
            crosses = (waiting == how);
            waiting = (crosses -> AWAKE : waiting)
          }
          if
#ifdef NO_NOTIFY
          :: crosses && how == BLOCKED
#else
          :: crosses && how == BLOCKED -> suspended = false
#endif
          :: crosses && how == PARKED -> messages++
          :: else
          fi
        :: else
        fi
      :: else
      fi;
      atomic { position = seen; seen = 0; how = 0; least = 0; crosses = false }
    :: else ->
      seen = 0;
      if
      :: true
      :: atomic { tail == position -> sleeping[me] = true }
end_asleep:
        atomic { !sleeping[me] -> position = released[me] }
      fi
    fi
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1)
  }
}
