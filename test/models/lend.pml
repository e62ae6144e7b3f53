/*
 * A subscription on a connected thread, to a reader that has begun before: ConnectionSubscriptions and LocalReader.onTaken on the
 * thread, UplinkDrain and ThreadSubscriptions.#begin on the owner.
 *
 * The thread publishes OWN events and asks for a subscription before, between or after them, by a record in its uplink. Others
 * publish OTHERS events. The owner writes all into the ring, and answers with the sequence that the subscription begins at: a
 * message on the port, then FILTER_VERSION, then further records. The thread sends what it knows to be wanted; whether anybody else
 * wants its events, chance says.
 *
 * Holds: the subscription gets each event once that its thread published after it, or others after it was ready, and none that
 * its thread published before.
 */
#ifndef OWN
#define OWN 3
#endif
#define OTHERS 2
#define SUBSCRIBE 100
#define OTHER 50
#define RING (OWN + OTHERS)
#define NEVER 200

chan uplink = [OWN + 1] of { byte };
/* Owner to thread: the join sequence, and whether the message says instead that somebody wants the events. */
chan port = [3] of { byte, bool };
chan asks = [1] of { byte };
byte ring[RING];
byte tail, version;
bool ready;
byte got[OWN + 1];
byte gotOther[OTHERS];
bool after[OWN + 1];
bool promised[OTHERS];
bool asked;
byte sent;

inline grant() {
#ifdef CONFIRM_EARLY
  port ! tail, false;
  version++;
  port ! 0, true
#else
  port ! 0, true;          /* interest: told to all threads */
#ifdef VERSION_FIRST
  version++;
  port ! tail, false
#else
  port ! tail, false;
#ifndef NO_VERSION
  version++
#endif
#endif
#endif
}

active proctype Owner() {
  byte x, others, kept;
end:
  do
  :: nempty(uplink) ->
    uplink ? x;
    if
    :: x == SUBSCRIBE -> grant()
    :: else ->
#ifdef REQUEST_BEFORE_RUN
      /* A run is noted, the request behind it heeded, and only then the run is written. */
      if
      :: uplink ? [SUBSCRIBE] -> uplink ? kept; grant()
      :: else
      fi;
#endif
      ring[tail] = x;
      tail++
    fi
  :: nempty(asks) -> asks ? x; grant()
  :: others < OTHERS -> atomic { promised[others] = ready; ring[tail] = OTHER + others; tail++; others++ }
  od
}

inline hear() {
  do
  :: nempty(port) ->
    port ? at, isInterest;
    if
    :: isInterest -> known = true
    :: else -> join = at; ready = true; pending = false
    fi
  :: empty(port) -> break
  od
}

active proctype Thread() {
  byte e, position, seen, loaded, heard, join = NEVER, at, x;
  bool known, pending, isInterest, othersWant;
  do
  /* Publishes; chance says whether others want the event. */
  :: e < OWN ->
    hear();
    e++;
    after[e] = asked;
    if
    :: othersWant = true
    :: othersWant = false
    fi;
    if
#ifdef NO_PENDING_WANT
    :: othersWant || known -> uplink ! e; sent++
#else
    :: othersWant || known || pending -> uplink ! e; sent++
#endif
    :: else
    fi
  :: !asked ->
    pending = true;
    asked = true;
#ifdef ASK_ON_PORT
    asks ! SUBSCRIBE
#else
    uplink ! SUBSCRIBE
#endif
  /* The event loop brings what is on the port. */
  :: nempty(port) -> hear()
  /* The reader takes a run. */
  :: position < tail ->
#ifdef LOAD_VERSION_FIRST
    loaded = version;
    seen = tail;
#else
    seen = tail;
    loaded = version;
#endif
    if
    :: loaded != heard -> heard = loaded; hear()
    :: else
    fi;
    do
    :: position < seen ->
      x = ring[position];
      d_step {
        if
        :: position >= join && x < OTHER -> got[x]++
        :: position >= join && x >= OTHER -> gotOther[x - OTHER]++
        :: else
        fi;
        position++;
        x = 0
      }
    :: position == seen -> break
    od;
    seen = 0;
    loaded = 0
  :: asked && e == OWN && ready && position == sent + OTHERS -> break
  od;
  e = 1;
  do
  :: e <= OWN ->
    assert(got[e] == (after[e] -> 1 : 0));
    e++
  :: else -> break
  od;
  e = 0;
  do
  :: e < OTHERS ->
    assert(gotOther[e] <= 1);
    assert(!promised[e] || gotOther[e] == 1);
    e++
  :: else -> break
  od
}
