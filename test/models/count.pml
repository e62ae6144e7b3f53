/*
 * A count of two words: storeCount against loadCount. The storing thread may die at any step; the next one goes on from
 * what its cells hold.
 *
 * A count is two bits here, high and low, so every other store changes the high half.
 *
 * Holds: a load gives a count that was stored, the last one before it or one stored meanwhile; and it begins again only
 * after the high half was changed, so a dead thread keeps nobody waiting.
 */
#ifndef STORES
#define STORES 5
#endif

byte moved;                /* TURN */
bit turn;                  /* its lowest bit: the copy that counts */
bit low[2], high[2];
bit torn;                  /* SEQLOCK: the second high half */
byte current;              /* the count that was stored last */
byte during;               /* counts that were current since the present load began, one bit each */
byte stores;
bool dead;

/* The step that makes a count the new one. */
inline counts() {
  current = value;
  during = during | (1 << value)
}

inline store() {
#ifdef SEQLOCK
  /* What it was before: high, low, high again. */
  high[0] = value / 2;
  atomic { low[0] = value % 2; counts() }
  torn = value / 2
#else
  atomic { mine = turn; other = 1 - turn }
#ifdef IN_PLACE
  high[mine] = value / 2;
  atomic { low[mine] = value % 2; counts() }
#else
  if
  :: high[mine] == value / 2 -> atomic { low[mine] = value % 2; counts() }
  :: else ->
#ifdef TURN_FIRST
    atomic { turn = other; moved++; counts() }
#endif
#ifdef SAME_COPY
    other = mine;
#endif
    low[other] = value % 2;
    high[other] = value / 2;
#ifndef TURN_FIRST
    atomic { turn = other; moved++; counts() }
#endif
  fi
#endif
#endif
}

active proctype Storing() {
  byte value;
  bit mine, other;
  {
    do
    :: atomic { stores < STORES -> stores++; select(value : 0 .. 3) }
      store()
    :: stores == STORES -> break
    od
  } unless { dead };
  /* The next life: it knows nothing but the cells. */
  do
  :: atomic { stores < STORES -> stores++; select(value : 0 .. 3) }
    store()
  :: stores == STORES -> break
  od
}

active proctype Killer() {
  dead = true
}

active proctype Loading() {
  byte seen, movedBefore, rounds;
  bit copy, l, h;
  do
  :: atomic { during = 1 << current; movedBefore = moved; rounds = 0 }
    do
    :: atomic { rounds++; assert(rounds <= 1 + moved - movedBefore) }
#ifdef SEQLOCK
      h = torn;
      l = low[0];
      if
      :: high[0] == h -> break
      :: else
      fi
#else
      atomic { copy = turn; seen = moved }
      h = high[copy];
      l = low[copy];
#ifdef NO_SECOND_LOOK
      break
#else
#ifdef TURN_OF_ONE_BIT
      if
      :: turn == copy -> break
      :: else
      fi
#else
      if
      :: moved == seen -> break
      :: else
      fi
#endif
#endif
#endif
    od;
    assert(during & (1 << (h * 2 + l)))
  :: break
  od
}
