/*
 * verify.h -- are the tables of a database sink what the source's are, while both are written to?
 *
 * How a table with a key is compared:
 *
 *     1. The source's rows are read in chunks, in the source's own order of the key, and the target is asked for exactly
 *        those keys. What is missing there, or other, is in doubt.
 *     2. The target's keys are read in chunks, in the target's own order, and the source is asked for exactly those keys.
 *        What it does not have is in doubt.
 *
 * Two passes and not one walk over both at once, because servers and collations do not put texts in the same order; so no
 * order is ever compared with another server's, only values are, by us (canonical.h). The second pass reads keys only.
 *
 * A row in doubt is looked at again (doubt.c), since the target follows a moment later: the place where the source's log
 * ends is remembered, behind what was read of the source; when the sink has passed it, the row is read in the target, and
 * then again in the source. If the target has one of the two states of the source, all is well. If the source's two are
 * the same and the target's is another, that counts; the third time the row is reported. A row that the source changes
 * all the time, ten looks long, is counted as unsettled: nothing is wrong with it that anyone could see.
 *
 * Tables without a key that tells rows apart on both sides are compared as a whole: how many rows, and sums of hashes of
 * them, which don't depend on the order. That says whether they are equal, not which rows differ.
 *
 * Memory: a chunk (CHUNK_BYTES and one row, CHUNK_ROWS at most) and the keys of rows in doubt (DOUBT_BYTES).
 * Threads: one. Nothing is written, nothing is locked.
 */
#ifndef CDC_VERIFY_VERIFY_H
#define CDC_VERIFY_VERIFY_H

#include "cdc/config.h"

enum verify_kind {
    VERIFY_DIFFERS, /* both have the row, columns differ */
    VERIFY_MISSING, /* the target lacks it */
    VERIFY_SURPLUS, /* the source lacks it */
};

/* A value as canonical text; `at` is NULL for NULL. */
struct verify_column {
    const char *name;
    struct bytes source, target;
};

struct verify_row {
    enum verify_kind kind;
    const struct verify_column *key; /* `source` holds the values */
    uint16_t nkey;
    const struct verify_column *columns; /* those that differ; DIFFERS only */
    uint16_t ncolumns;
    uint32_t copies; /* that the target has; its key is not unique there if there are more than one */
};

struct verify_table {
    const char *schema, *table;               /* of the source */
    const char *target_schema, *target_table; /* schema "": the sink's database */
    struct buffer trouble;  /* what the target's table lacks, a sentence each, each with a line end; empty: nothing */
    bool compared;          /* false: trouble says why not */
    bool keyless;           /* compared as a whole */
    uint64_t source_rows, target_rows; /* read; of a table with a key those of the source are the chunks' */
    uint64_t counts[3];     /* by enum verify_kind */
    bool whole_differs;     /* keyless: rows are not the same */
    uint64_t unsettled;     /* rows that changed all the time; keyless: 1, the table did */
};

/* Told as it goes: a table begins, its rows that differ (all of them), it ends. */
struct verify_listener {
    void (*row)(void *own, const struct verify_table *, const struct verify_row *);
    void (*table)(void *own, const struct verify_table *);
    void *own;
};

/* Every captured table that fits the glob "schema.table" (NULL: all). *equal says whether all are. -1: it could not be
 * found out. */
int verify_run(const struct config *, int sink, const char *glob, const struct verify_listener *, bool *equal,
               struct error *err);

bool verify_table_equal(const struct verify_table *);

#endif
