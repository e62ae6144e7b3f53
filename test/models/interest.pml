/*
 * What a connection is told: Interest and ConnectedThread.tell on the owner's thread, OwnerLink.hear on the connected one.
 *
 * The owner makes SUBSCRIPTIONS, one after another, and meets the thread before, between or after them: then it tells what is in
 * force, and each later one by a message on the port and by VERSION behind it. The thread publishes EVENTS events: it looks at
 * VERSION, reads the port where that says something new, and drops what nobody wants by what it knows.
 *
 * Holds: an event whose publishing begins when a subscription has been made is not dropped.
 */
#ifndef EVENTS
#define EVENTS 3
#endif
#define SUBSCRIPTIONS 2

byte made;              /* subscriptions whose call has returned */
byte version;
chan port = [4] of { byte, byte };   /* subscriptions that are told, and those in force as of the meeting */
bool met;

active proctype Owner() {
  byte i, snapshot;
  bool greeted;
  do
  :: !greeted ->
    snapshot = i;
#ifdef SNAPSHOT_EARLY
    if
    :: i < SUBSCRIPTIONS -> i++; made = i
    :: else
    fi;
#endif
    port ! 1, snapshot;
    version++;
    greeted = true
  :: i < SUBSCRIPTIONS ->
    i++;
    if
    :: greeted ->
#ifdef VERSION_FIRST
      version++;
      port ! 0, i
#else
      port ! 0, i;
#ifndef UNCOUNTED
      version++
#endif
#endif
    :: else
    fi;
    made = i
  :: greeted && i == SUBSCRIPTIONS -> break
  od
}

active proctype Thread() {
  byte e, known, seen, before, kind, count;
  bool isMet;
  byte knownVersion;
  do
  :: e < EVENTS ->
    before = made;      /* the publishing begins: another thread may have said so */
    seen = version;
    if
    :: seen != knownVersion || !isMet ->
      do
      :: nempty(port) ->
        port ? kind, count;
        known = count;
        isMet = (isMet || kind == 1)
      :: empty(port) -> break
      od;
#ifdef VERSION_LATE
      knownVersion = version
#else
      knownVersion = seen
#endif
    :: else
    fi;
#ifdef NOTHING_UNTIL_MET
    assert(known >= before);
#else
    assert(!isMet || known >= before);
#endif
    e++
  :: else -> break
  od
}
