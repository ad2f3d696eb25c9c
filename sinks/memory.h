/*
 * memory.h -- the sink of tests: what it keeps, and how it is made to fail.
 *
 * A memory_store is the "far side": it outlives the sinks that write to it, so a test can stop a
 * pipeline at any call, open a new one on the same store and compare. A test gives its store by
 * the settings:
 *
 *     struct memory_store store = {0};
 *     store.fail_at = 7;                     the 7th call of any sink on this store fails,
 *     store.fail_kind = ERROR_RETRY;         with this kind
 *     ((struct memory_settings *)config->sinks[0].settings)->store = &store;
 *
 * The sink is as strict as a real one: it keeps pointers into batches until commit or flush,
 * refuses write and commit after a failure until it was fenced again, refuses writers whose
 * epoch is old, and only a commit makes events visible, together with the offset.
 *
 * Threads: two sinks on one store may be used from two threads (a takeover); the test reads the
 * store while no sink runs.
 */
#ifndef SINKS_MEMORY_H
#define SINKS_MEMORY_H

#include <stdatomic.h>

#include "cdc/sink.h"

struct memory_event {
    char *topic;
    char id[EVENT_ID_MAX];
    uint8_t *key; /* NULL and flag EVENT_KEY_NULL: no key */
    uint32_t key_length;
    uint8_t *value;
    uint32_t value_length;
    uint8_t output;
    uint8_t flags;     /* enum event_flag */
    uint64_t epoch;    /* of the writer */
    uint64_t batch_no; /* of the commit that made it visible: one number is one transaction */
};

struct memory_store {
    struct offset offset; /* as it was committed last */
    uint64_t epoch;       /* of the newest fence */
    struct memory_event *events;
    size_t count, cap;
    uint64_t commits;

    uint64_t calls;            /* fence, resume, write, commit and flush, so far */
    uint64_t fail_at;          /* the call that fails, from 1; 0: none */
    enum error_kind fail_kind; /* NONE: ERROR_RETRY */
    const char *fail_only;     /* count only calls of this name ("commit"); NULL: all */
    bool commit_lands;         /* a failing commit takes effect first; pair it with REWIND */
    bool keep_failing;         /* every call from fail_at on, not just that one */
    bool failed;               /* the failure has happened */

    atomic_flag busy; /* zero is clear on every compiler we build with */
};

struct memory_settings {
    struct memory_store *store; /* NULL: one of its own, gone with the sink */
};

/* Forget and free what is kept; the failure plan too. */
void memory_store_clear(struct memory_store *);

#endif
