/*
 * The slot of a reader on a connected thread: ConnectionReaders on the thread, ThreadSubscriptions on the owner.
 *
 * A subscription of the thread reads with slot 0, and shares its reader with others that come. The thread stops it, and asks for
 * ASKS others, one after another or together, each of which may join that reader or need one of its own. It may die at any step,
 * or disconnect within a step of its own reader. Another reader takes whatever slot is free.
 *
 * Holds: nobody touches a slot that is another's; each subscription that is granted has a reader; in the end no slot is left taken.
 */
#define ASKS 2
#define SLOTS 3
#define FREE 0
#define LENT 1
#define ANOTHER 2
#define NONE 9

byte user[SLOTS];
chan uplink = [ASKS] of { byte };            /* the key of the reader that is asked for */
chan toThread = [ASKS] of { byte, byte };    /* key, and the slot that begins; NONE: the one that it has joined */
chan toOwner = [4] of { byte, byte };        /* kind, slot */
#define RELEASED 0
#define ENDED 1
bool gone;            /* the thread runs no more */
bool closed;          /* its port has closed */
byte byKey[ASKS + 1];

#define touch(s) assert(user[s] == LENT)

init {
  atomic {
    user[0] = LENT;
    byKey[0] = 0;
    byKey[1] = NONE;
    byKey[2] = NONE;
    run Owner();
    run Thread();
    run Another()
  }
}

proctype Owner() {
  byte key, kind, slot, s;
  do
  :: nempty(uplink) ->
    uplink ? key;
    if
    :: closed
    :: !closed && byKey[key] != NONE -> toThread ! key, NONE
    :: !closed && byKey[key] == NONE ->
      atomic {
        if
        :: user[0] == FREE -> slot = 0
        :: user[1] == FREE -> slot = 1
        :: user[2] == FREE -> slot = 2
        :: else -> slot = NONE
        fi;
        if
        :: slot != NONE -> user[slot] = LENT; byKey[key] = slot
        :: else
        fi
      };
      /* Denied is no case of its own here: it touches no slot. */
      if
      :: slot != NONE -> toThread ! key, slot
      :: else
      fi
    fi
  :: nempty(toOwner) ->
    toOwner ? kind, slot;
#ifdef FREE_WHEN_ENDED
    if
    :: kind == ENDED && user[slot] == LENT ->
#else
    if
    :: kind == RELEASED && !closed ->
#endif
      user[slot] = FREE;
      key = 0;
      do
      :: key <= ASKS -> if :: byKey[key] == slot -> byKey[key] = NONE :: else fi; key++
      :: else -> break
      od
    :: else
    fi
#ifdef GONE_BEFORE_ITS_END
  :: !closed ->
#else
  :: gone && !closed ->
#endif
    closed = true;
#ifndef KEEP_ITS_SLOTS
    s = 0;
    do
    :: s < SLOTS -> if :: user[s] == LENT -> user[s] = FREE :: else fi; s++
    :: else -> break
    od
#endif
  :: closed && empty(uplink) && empty(toOwner) ->
    s = 0;
    do
    :: s < SLOTS -> assert(user[s] != LENT); s++
    :: else -> break
    od;
    break
  od
}

/* Readers of the thread, by key: the slot; NONE: not granted, or retired. */
proctype Thread() {
  byte here[ASKS + 1], targets[ASKS + 1], asked[ASKS + 1];
  byte asks, shared, keys, key, slot;
  here[1] = NONE;
  here[2] = NONE;
  targets[0] = 1;
again:
  do
  /* A step of a reader: it releases what has settled. */
  :: here[0] != NONE -> touch(here[0])
  :: here[1] != NONE -> touch(here[1])
  :: here[2] != NONE -> touch(here[2])
  :: asks < ASKS ->
    asks++;
    if
    :: shared == NONE -> keys++; shared = keys
    :: else
    fi;
    asked[shared]++;
    uplink ! shared
  :: nempty(toThread) ->
    toThread ? key, slot;
    if
    :: slot != NONE -> here[key] = slot
    :: else -> assert(here[key] != NONE)
    fi;
    asked[key]--;
    targets[key]++;
  /* Stops a subscription. */
  :: targets[0] > 0 -> key = 0; goto stop
  :: targets[1] > 0 -> key = 1; goto stop
  :: targets[2] > 0 -> key = 2; goto stop
  /* Dies, or disconnects. */
  :: break
  od;
  goto dead;
stop:
  targets[key]--;
  if
#ifdef RETIRE_WHILE_ASKED
  :: targets[key] == 0 && here[key] != NONE ->
#else
  :: targets[key] == 0 && asked[key] == 0 && here[key] != NONE ->
#endif
    slot = here[key];
    if
    :: shared == key -> shared = NONE
    :: else
    fi;
#ifdef FREE_WHEN_ENDED
    toOwner ! ENDED, slot;
    touch(slot);
#endif
#ifdef RELEASE_BEFORE_LAST_TOUCH
    toOwner ! RELEASED, slot;
    touch(slot);
    here[key] = NONE
#else
    here[key] = NONE;
    toOwner ! RELEASED, slot
#endif
  :: else
  fi;
  goto again;
dead:
#ifdef CLOSE_BEFORE_LAST_TOUCH
  /* A handler disconnects, and its reader goes on until the handler returns. */
  gone = true;
  if
  :: here[0] != NONE -> touch(here[0])
  :: else
  fi
#else
  gone = true
#endif
}

proctype Another() {
  byte s;
  do
  :: s < SLOTS -> if :: atomic { user[s] == FREE -> user[s] = ANOTHER } :: skip fi; s++
  :: else -> break
  od
}
