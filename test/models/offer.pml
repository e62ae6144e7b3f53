/*
 * A module that a connected thread subscribes: AskedModules.ask and OwnerLink on the thread; UplinkDrain, ThreadModules and
 * Connections on the owner.
 *
 * The thread says what the module is subscribed with, the offer, on its port, then writes a request to its uplink, before,
 * between or after its events. The port is on its way until the two have met; a first one may never arrive, and the offer is said
 * again on the next. Until they have met the offer is said on the BroadcastChannel too, which may lose it. The owner may find the
 * request before the offer: then it takes nothing more from the uplink, and no ring wakes it. The thread may die after any step.
 *
 * The doorbell is that of bell.pml; here a look at the uplink and falling asleep are one step.
 *
 * Holds: of a thread that lives, the module gets each event once that was published after the request, and no other; of one that dies, no other. What
 * was written is always taken from the uplink.
 */
#ifndef OWN
#define OWN 3
#endif
#define REQUEST 100
#define OFFER 1

chan uplink = [OWN + 1] of { byte };
chan port = [2] of { byte };
chan broadcast = [1] of { byte };
bool met, gone, done, asked, retried;
/* Of the owner. */
bool awake, held, offered, begun, knowsGone;
byte got[OWN + 1];
bool after[OWN + 1];

inline write(record) {
  atomic {
    uplink ! record;
    if
    :: !held -> awake = true
    :: held
    fi
  }
}

active proctype Thread() {
  byte e, x;
  do
  :: e < OWN -> e++; after[e] = asked; write(e)
  :: !asked ->
    atomic {
      asked = true;
      port ! OFFER;
      if
      :: !met -> broadcast ! OFFER
      :: true
      fi
    }
    if
    :: write(REQUEST)
    :: gone = true; break
    fi
  /* Nobody was there to take the port: another one is sent. */
  :: atomic {
      !met && !retried && !done ->
      retried = true;
      do
      :: nempty(port) -> port ? x
      :: empty(port) -> break
      od;
#ifndef NO_REPEAT
      if
      :: asked -> port ! OFFER
      :: else
      fi
#endif
    }
  :: e == OWN && asked && !done -> done = true
  :: atomic { !done -> gone = true; break }
  :: done && empty(uplink) && !held && !awake -> break
  od
}

/* The main thread, which passes the port on when it has a turn. */
active proctype Main() {
  atomic {
    if
    :: !gone -> met = true
    :: gone
    fi
  }
}

inline take() {
  offered = true;
#ifndef NO_WAKE
  awake = true
#endif
}

active proctype Owner() {
  byte x;
end:
  do
  /* The event loop brings what was said, and that a thread is gone. */
  :: atomic { nempty(broadcast) -> broadcast ? x; take() }
  :: atomic { met && nempty(port) -> port ? x; take() }
  :: atomic {
      gone && !knowsGone ->
      knowsGone = true;
      begun = false;
      awake = true
    }
  /* A turn. */
#ifdef READ_ON
  :: atomic { awake && nempty(uplink) ->
#else
  :: atomic { awake && !held && nempty(uplink) ->
#endif
      uplink ? x;
      if
      :: x == REQUEST -> held = true
      :: x != REQUEST && begun -> got[x]++
      :: else
      fi
    }
  :: awake && held ->
    do
    :: met && nempty(port) -> port ? x; offered = true
    :: !met || empty(port) -> break
    od;
    atomic {
      if
#ifndef WAIT_FOR_THE_DEAD
      :: knowsGone -> held = false
#endif
      :: !knowsGone && offered -> held = false; begun = true
      :: else ->
#ifdef NO_HOLD
        held = false;
#endif
        awake = false
      fi
    }
  :: atomic { awake && !held && empty(uplink) -> awake = false }
  od
}

active proctype Check() {
  byte e;
  (gone || done);
  /* Never reached: a request that is waited with for ever. */
  (empty(uplink) && !held && !awake && (!gone || knowsGone));
  e = 1;
  do
  :: e <= OWN ->
    assert(got[e] <= (after[e] -> 1 : 0));
    assert(gone || got[e] == (after[e] -> 1 : 0));
    e++
  :: else -> break
  od
}
