/*
 * A live change of a filter: ModuleDelivery.setFilter against SubscriberThread.heedChanges and Router.reach.
 *
 * Events are accepted first and written later (the heap queue), the filter changes at any time in between. Message and
 * FILTER_VERSION go their own ways; the thread's event loop may bring the message at any time, too.
 *
 * Holds: each record is judged by the filter that was in force when it was accepted.
 */
#ifndef RECORDS
#define RECORDS 6
#endif
#define CHANGES 3

byte tail;
byte version;            /* FILTER_VERSION */
byte sent;               /* messages on the port since the start */
byte fromSequence[CHANGES];
byte inForce[RECORDS];   /* the filter when the record was accepted: how many changes lay behind it */

active proctype Writer() {
  byte accepted, changes;
  do
  :: accepted < RECORDS -> atomic { inForce[accepted] = changes; accepted++ }
  :: tail < accepted -> tail++
  :: changes < CHANGES ->
    atomic { fromSequence[changes] = accepted; changes++ }
#ifdef VERSION_BEFORE_MESSAGE
    version++;
    sent++
#else
    sent++;
#ifndef NO_VERSION
    version++
#endif
#endif
  :: accepted == RECORDS && tail == accepted -> break
  od
}

inline receive() {
  received++;
#ifdef NO_SEQUENCE
  filter = received
#endif
}

active proctype Reader() {
  byte position, seen, known, loaded, received, filter;
  do
  :: position == RECORDS -> break
  :: atomic { received < sent -> receive() }
  :: tail > position ->
#ifdef VERSION_FIRST
    loaded = version;
    seen = tail;
#else
    seen = tail;
    loaded = version;
#endif
    if
    :: loaded != known ->
      known = loaded;
      do
      :: atomic { received < sent -> receive() }
      :: atomic { received == sent -> break }
      od
    :: else
    fi;
    do
    :: position < seen ->
      d_step {
        do
        :: filter < received && fromSequence[filter] <= position -> filter++
        :: else -> break
        od;
        assert(filter == inForce[position]);
        position++
      }
    /* A handler that is waited for lets the event loop turn. */
    :: atomic { position < seen && received < sent -> receive() }
    :: position == seen -> break
    od;
    atomic { seen = 0; loaded = 0 }
  od
}
