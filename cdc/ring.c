/*
 * ring.c -- see ring.h. One mutex, one condition: a batch holds some hundred rows, so the lock is taken a
 * few hundred times a second.
 *
 * Sequence numbers: next_put is the seq that the next batch gets, next_take the next to be shaped, low the
 * oldest one still held; low <= next_take <= next_put, and a slot is seq mod SLOTS.
 */
#include "ring.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* GROWTH_AT_FIRST: while nothing is shaped yet (schemas are registered, topics made) the reader must not take
 * all of the room for raw bytes. */
enum { GROWTH_AT_FIRST = 6 * 256 };
enum { SLOTS = 512, SPARE_MAX = 6, KEEP_BYTES = 512 * 1024 };

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *slot[SLOTS];
    bool shaped[SLOTS];
    uint64_t next_put, next_take, low;
    uint64_t first_unshaped;
    uint64_t next[BATCH_SINKS_MAX];     /* each sink's next batch */
    uint64_t released[BATCH_SINKS_MAX]; /* each sink is done with all before this one */
    int nsinks;
    size_t bytes, bytes_max;
    size_t growth; /* what shaping added lately, in 1/256 of a batch's raw bytes */
    struct batch *spare[SPARE_MAX];
    int nspare;
    bool reserved; /* the reader has a batch in hand */
    bool closed;
};

struct ring *
ring_new(int nsinks, size_t bytes_max)
{
    struct ring *ring = calloc(1, sizeof(*ring));
    pthread_condattr_t attr;

    if (ring == NULL)
        return NULL;
    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->changed, &attr);
    pthread_condattr_destroy(&attr);
    ring->nsinks = nsinks;
    ring->bytes_max = bytes_max;
    ring->growth = GROWTH_AT_FIRST;
    ring->next_put = ring->next_take = ring->low = ring->first_unshaped = 1;
    for (int i = 0; i < BATCH_SINKS_MAX; i++)
        ring->next[i] = ring->released[i] = 1;
    return ring;
}

void
ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    for (uint64_t seq = ring->low; seq < ring->next_put; seq++)
        batch_free(ring->slot[seq % SLOTS]);
    for (int i = 0; i < ring->nspare; i++)
        batch_free(ring->spare[i]);
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

static struct timespec
deadline_after(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool
has_room(const struct ring *ring)
{
    return ring->next_put - ring->low < SLOTS && ring->bytes < ring->bytes_max;
}

struct batch *
ring_reserve(struct ring *ring, int timeout_ms)
{
    struct timespec until = deadline_after(timeout_ms);
    struct batch *batch = NULL;

    pthread_mutex_lock(&ring->lock);
    assert(!ring->reserved);
    while (!has_room(ring) && !ring->closed) {
        if (timeout_ms == 0 || pthread_cond_timedwait(&ring->changed, &ring->lock, &until) != 0)
            break;
    }
    if (has_room(ring) && !ring->closed) {
        batch = ring->nspare > 0 ? ring->spare[--ring->nspare] : batch_new();
        ring->reserved = batch != NULL;
    }
    pthread_mutex_unlock(&ring->lock);
    return batch;
}

static void
put_spare(struct ring *ring, struct batch *batch)
{
    if (ring->nspare == SPARE_MAX) {
        batch_free(batch);
        return;
    }
    batch_reset(batch, KEEP_BYTES);
    ring->spare[ring->nspare++] = batch;
}

void
ring_unreserve(struct ring *ring, struct batch *batch)
{
    pthread_mutex_lock(&ring->lock);
    ring->reserved = false;
    put_spare(ring, batch);
    pthread_mutex_unlock(&ring->lock);
}

/* With the room that its events will need, or a reader faster than the sinks would fill the ring with raw bytes,
 * and shaping them would take it far beyond its bound. */
static size_t
expected_bytes(const struct ring *ring, const struct batch *batch)
{
    size_t now = batch_bytes(batch), later = batch->raw.cap + batch->raw.len / 256 * ring->growth;

    return now > later ? now : later;
}

/* Learn from a shaped batch; a sudden change counts by a quarter. */
static void
learn_growth(struct ring *ring, const struct batch *batch, size_t bytes)
{
    size_t grown = bytes > batch->raw.cap ? bytes - batch->raw.cap : 0;

    if (batch->raw.len < 4096)
        return;
    grown = grown / (batch->raw.len / 256);
    ring->growth = (3 * ring->growth + grown) / 4;
}

void
ring_put(struct ring *ring, struct batch *batch)
{
    pthread_mutex_lock(&ring->lock);
    ring->reserved = false;
    batch->seq = ring->next_put++;
    batch->reserved = expected_bytes(ring, batch);
    ring->bytes += batch->reserved;
    ring->slot[batch->seq % SLOTS] = batch;
    ring->shaped[batch->seq % SLOTS] = false;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

struct batch *
ring_take(struct ring *ring)
{
    struct batch *batch = NULL;

    pthread_mutex_lock(&ring->lock);
    while (ring->next_take == ring->next_put && !ring->closed)
        pthread_cond_wait(&ring->changed, &ring->lock);
    if (!ring->closed)
        batch = ring->slot[ring->next_take++ % SLOTS];
    pthread_mutex_unlock(&ring->lock);
    return batch;
}

void
ring_shaped(struct ring *ring, struct batch *batch)
{
    size_t bytes;

    pthread_mutex_lock(&ring->lock);
    ring->shaped[batch->seq % SLOTS] = true;
    bytes = batch_bytes(batch);
    learn_growth(ring, batch, bytes);
    ring->bytes += bytes - batch->reserved;
    batch->reserved = bytes;
    while (ring->first_unshaped < ring->next_take && ring->shaped[ring->first_unshaped % SLOTS])
        ring->first_unshaped++;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

bool
ring_wait_turn(struct ring *ring, uint64_t seq)
{
    bool open;

    pthread_mutex_lock(&ring->lock);
    while (ring->first_unshaped < seq && !ring->closed)
        pthread_cond_wait(&ring->changed, &ring->lock);
    open = !ring->closed;
    pthread_mutex_unlock(&ring->lock);
    return open;
}

struct batch *
ring_next(struct ring *ring, int sink, int timeout_ms)
{
    struct timespec until = deadline_after(timeout_ms);
    struct batch *batch = NULL;

    pthread_mutex_lock(&ring->lock);
    while (ring->next[sink] >= ring->first_unshaped && !ring->closed) {
        if (timeout_ms == 0 || pthread_cond_timedwait(&ring->changed, &ring->lock, &until) != 0)
            break;
    }
    if (ring->next[sink] < ring->first_unshaped && !ring->closed)
        batch = ring->slot[ring->next[sink]++ % SLOTS];
    pthread_mutex_unlock(&ring->lock);
    return batch;
}

/* Free every slot that all sinks have let go of. */
static void
drop_released(struct ring *ring)
{
    uint64_t done = ring->next_put;

    for (int i = 0; i < ring->nsinks; i++)
        done = ring->released[i] < done ? ring->released[i] : done;
    for (; ring->low < done; ring->low++) {
        struct batch *batch = ring->slot[ring->low % SLOTS];

        ring->slot[ring->low % SLOTS] = NULL;
        ring->bytes -= batch->reserved;
        put_spare(ring, batch);
    }
}

void
ring_release(struct ring *ring, int sink, uint64_t seq)
{
    pthread_mutex_lock(&ring->lock);
    assert(seq < ring->next[sink]);
    if (seq + 1 > ring->released[sink])
        ring->released[sink] = seq + 1;
    drop_released(ring);
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}

bool
ring_rewind(struct ring *ring, int sink, uint64_t seq)
{
    bool there;

    pthread_mutex_lock(&ring->lock);
    there = seq >= ring->released[sink];
    if (there)
        ring->next[sink] = seq;
    pthread_mutex_unlock(&ring->lock);
    return there;
}

bool
ring_full(struct ring *ring)
{
    bool full;

    pthread_mutex_lock(&ring->lock);
    full = !ring->reserved && !has_room(ring);
    pthread_mutex_unlock(&ring->lock);
    return full;
}

bool
ring_has(struct ring *ring, int sink)
{
    bool has;

    pthread_mutex_lock(&ring->lock);
    has = ring->next[sink] < ring->next_put || ring->reserved;
    pthread_mutex_unlock(&ring->lock);
    return has;
}

bool
ring_ready(struct ring *ring, int sink)
{
    bool ready;

    pthread_mutex_lock(&ring->lock);
    ready = ring->next[sink] < ring->first_unshaped;
    pthread_mutex_unlock(&ring->lock);
    return ready;
}

bool
ring_empty(struct ring *ring)
{
    bool empty;

    pthread_mutex_lock(&ring->lock);
    empty = ring->low == ring->next_put;
    pthread_mutex_unlock(&ring->lock);
    return empty;
}

void
ring_close(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->closed = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);
}
