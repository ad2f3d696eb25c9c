/*
 * ring.h -- the one queue: batches from the reader through the shape threads to every sink.
 *
 * A fixed number of slots and a bound on bytes. The reader takes a slot before it reads, so it alone ever
 * waits for room; shape threads take batches in sequence and put the result into the batch's own slot; each
 * sink goes through the slots in sequence with a mark of its own, and a slot is free again once
 * every sink has let go of it. So nothing can deadlock.
 *
 *     reader:  ring_reserve -> fill -> ring_put (or ring_unreserve)
 *     shapers: ring_take -> shape -> ring_shaped        (ring_wait_turn: all earlier ones are shaped)
 *     sinks:   ring_next, ring_next ... -> ring_release(up to) | ring_rewind(to)
 *
 * Threads: any; one lock inside. Memory: batches belong to the ring.
 */
#ifndef CDC_RING_H
#define CDC_RING_H

#include "cdc/batch.h"

struct ring;

struct ring *ring_new(int nsinks, size_t bytes_max);
void ring_free(struct ring *);

/* An empty batch, or NULL when there is no room within timeout_ms. */
struct batch *ring_reserve(struct ring *, int timeout_ms);
void ring_unreserve(struct ring *, struct batch *);
/* Hand it on: gives it the next seq. */
void ring_put(struct ring *, struct batch *);

/* The next unshaped batch; NULL once the ring is closed. */
struct batch *ring_take(struct ring *);
void ring_shaped(struct ring *, struct batch *);
/* Wait until every batch before seq is shaped; false when the ring was closed meanwhile. */
bool ring_wait_turn(struct ring *, uint64_t seq);

/* The sink's next batch when it is shaped; NULL after timeout_ms or when closed. */
struct batch *ring_next(struct ring *, int sink, int timeout_ms);
/* This sink is done with all batches up to and including seq. */
void ring_release(struct ring *, int sink, uint64_t seq);
/* The sink's next batch is seq again; false if that one is gone already. */
bool ring_rewind(struct ring *, int sink, uint64_t seq);

/* There is something for this sink that it has not been given yet, shaped or not. */
bool ring_has(struct ring *, int sink);

/* The sink's next batch is shaped. */
bool ring_ready(struct ring *, int sink);

/* Out of room for the reader: sinks should commit what they have. */
bool ring_full(struct ring *);
/* Everything put has been released by every sink. */
bool ring_empty(struct ring *);

/* No more waiting: takers get NULL. */
void ring_close(struct ring *);

#endif
