/*
 * offsets.h -- the parts of `rowferry offsets`: what looks (offsets.c) and what moves
 * (offsets_move.c, offsets_import.c).
 */
#ifndef CDC_CLI_OFFSETS_H
#define CDC_CLI_OFFSETS_H

#include "cli.h"

/* ASIDE: neither place holds the other; of GTID sets that can be. */
enum move_direction { MOVE_NOWHERE, MOVE_FIRST, MOVE_BACK, MOVE_FORWARD, MOVE_ASIDE };

/* One sink's offset on its way from one place to another. */
struct move {
    const struct config *config;
    const char *act; /* "offsets set" */
    const char *reason;
    int index;         /* of the sink */
    struct sink *sink; /* open while the move lives */
    struct offset before;
    struct offset after;
    enum move_direction direction;
    struct distance distance; /* of log between the two, as far as that can be told */
    bool stranger;            /* the sink was fed from another server, which this one does not continue */
};

/* Open the sink and read where it is. */
int move_open(struct move *, const struct config *, int index, struct error *err);
void move_close(struct move *);

/* A look at the source of a pipeline that is stopped: only then may offsets be moved. The caller clears it,
 * also after a failure. */
int move_look(const struct config *, struct source_look *out, struct error *err);

/* Set where it shall go, and refuse what the server does not have. */
int move_plan(struct move *, const struct position *to, const struct source_look *, struct error *err);

/* The audit line, the fence, the commit, in this order; ends with the offset read back. */
int move_perform(struct move *, struct error *err);

/* What it does, or did: a few lines, or one JSON object. */
void move_describe(const struct move *, bool dry_run, bool json, struct buffer *out);

/* FILE is words[1] of `args`. Exit status. */
int offsets_move(const struct cli_arguments *, const char *verb);
int offsets_import(const struct cli_arguments *);

#endif
