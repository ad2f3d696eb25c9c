/*
 * decoder.h -- a frame's bytes to changes.
 *
 * Pure: no threads, clocks or sockets; any number of shape threads may decode at once, each
 * with an arena of its own. What a decoder needs to know of the stream (text or binary is in
 * each value's kind byte, the shape is in the relation) comes with the frame.
 *
 * A frame of pgoutput is one change; one of a binlog is a row event with many. Values are slices of the batch's
 * raw bytes or live in the arenas.
 *
 * Errors: ERROR_DATA that names the table; the caller adds the position.
 */
#ifndef CDC_DECODER_H
#define CDC_DECODER_H

#include "cdc/batch.h"
#include "cdc/change.h"

/* Where the decoding of a frame with many changes stands. */
struct rows {
    const struct batch *batch;
    const struct frame *frame;
    struct cursor in;    /* the rest of the event */
    struct bytes before; /* bitmaps of the columns that the images have */
    struct bytes after;
    uint16_t nbefore, nafter; /* how many those are */
    uint32_t row;        /* the next one */
    uint8_t type;        /* of the event */
    uint8_t op;          /* enum change_op of all its rows */
};

struct decoder_ops {
    const char *name;
    /* Frames of one change; NULL where they have many. `arena` is reset by the caller. */
    int (*decode)(const struct batch *, const struct frame *, struct arena *arena,
                  struct change *out, struct error *err);
    /* Frames of many. `frame_arena` lives until the next begin, `arena` until the next next.
     * next: 1 and *out, 0 when there are no more, -1. */
    int (*begin)(struct rows *, const struct batch *, const struct frame *, struct arena *frame_arena,
                 struct error *err);
    int (*next)(struct rows *, struct arena *arena, struct change *out, struct error *err);
};

extern const struct decoder_ops decoder_pgoutput;
extern const struct decoder_ops decoder_binlog;

#endif
