/*
 * shape.h -- decode, transform, encode: one batch by one thread, many batches by many.
 *
 * The cache of plans (what is made once for each relation and sink) is shared and locked; the third
 * place where threads meet. A plan is made when the first row of a relation is shaped: the catalogue
 * is asked, schemas are registered, in the order of the log, since the maker waits for its turn first.
 *
 * A change that can't be encoded for a sink is written into that sink's events as `failed`; the sink's
 * thread judges it when it comes to it.
 */
#ifndef CDC_SHAPE_H
#define CDC_SHAPE_H

#include "cdc/catalog.h"
#include "cdc/decoder.h"
#include "cdc/encoder.h"
#include "cdc/transform.h"

struct shape_settings {
    const struct decoder_ops *decoder;
    struct catalog *catalog;
    struct encoder **encoders; /* one for each sink */
    const char **names;        /* of the sinks, for logs */
    int nsinks;
    struct transform **transforms; /* ends in NULL; or NULL */
    /* Wait until all batches before seq are shaped; false: give up, we are stopping. */
    bool (*wait_turn)(void *arg, uint64_t seq);
    bool (*stopping)(void *arg);
    void *arg;
};

struct shape;

struct shape *shape_new(const struct shape_settings *);
void shape_free(struct shape *);

/* Memory of one shape thread. */
struct shape_scratch {
    struct arena change; /* reset for each change */
    struct arena frame;  /* reset for each frame */
};

/* Fill batch->events. -1 with *err for what concerns the pipeline as a whole (no memory, stopping). */
int shape_batch(struct shape *, struct batch *, struct shape_scratch *, struct error *err);

#endif
