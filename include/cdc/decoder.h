/*
 * decoder.h -- a frame's bytes to a change.
 *
 * Pure: no threads, clocks or sockets; any number of shape threads may decode at once, each
 * with an arena of its own. What a decoder needs to know of the stream (text or binary is in
 * each value's kind byte, the shape is in the relation) comes with the frame.
 *
 * Errors: ERROR_DATA that names the table; the caller adds the position.
 */
#ifndef CDC_DECODER_H
#define CDC_DECODER_H

#include "cdc/batch.h"
#include "cdc/change.h"

struct decoder_ops {
    const char *name;
    /* Values are slices of the batch's raw bytes or live in `arena`; the caller resets it. */
    int (*decode)(const struct batch *, const struct frame *, struct arena *arena,
                  struct change *out, struct error *err);
};

extern const struct decoder_ops decoder_pgoutput;

#endif
