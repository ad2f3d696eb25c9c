/*
 * pair.h -- a table of the source and the target's table that follows it, ready to be read on either side.
 *
 * Both sides' columns stand in one order: the key's first, in the key's order, then the others that both have.
 */
#ifndef CDC_VERIFY_PAIR_H
#define CDC_VERIFY_PAIR_H

#include "cdc/catalog.h"
#include "cdc/relation.h"
#include "rows.h"
#include "verify.h"

enum verify_side { SOURCE, TARGET };

struct pair_column {
    const char *name;
    struct canonical how;
    const struct rows_column *sides[2];
};

struct pair {
    struct rows_reader *rows[2];
    struct rows_table tables[2];
    const char *alive;   /* a condition on the target's rows, after AND: those that count; "" */
    struct pair_column *columns;
    uint16_t ncolumns;
    uint16_t nkey;       /* 0: none that tells rows apart on both sides */
    struct arena arena;  /* owns columns */
};

/* Describes both sides, and puts into table->trouble what the target lacks; table->compared is false where nothing can be
 * compared. `deleted` is the target's column that marks rows as deleted, or NULL. */
int pair_open(struct pair *, struct rows_reader *source, struct rows_reader *target, const struct relation *,
              const struct catalog_table *, const char *deleted, struct verify_table *, struct error *err);
void pair_close(struct pair *);

/* The first `ncolumns` of a row, as one string of bytes: u8 set, u32 length, canonical text, for each column. Its first
 * nkey columns are its key. */
void pair_pack(const struct pair *, enum verify_side, uint16_t ncolumns, const struct bytes *fields, struct buffer *out);
/* Each column of it, `at` NULL for NULL; -1: it is not one. */
void pair_unpack(struct bytes packed, uint16_t ncolumns, struct bytes *out);
/* How long its first columns are. */
size_t pair_prefix(struct bytes packed, uint16_t ncolumns);

/* The key of a row as the side itself wrote it, in the same form: canonical texts need not be in its order. */
void pair_pack_own_key(const struct pair *, const struct bytes *fields, struct buffer *out);

/* SELECT of the first `ncolumns`: behind such a key (or from the start: NULL) in the side's own order, `limit` of them; or
 * with the (canonical) keys given; or all. */
void pair_sql_after(const struct pair *, enum verify_side, uint16_t ncolumns, const struct bytes *own_key, uint32_t limit,
                    struct buffer *sql);
void pair_sql_keys(const struct pair *, enum verify_side, uint16_t ncolumns, const struct bytes *keys, uint32_t nkeys,
                   struct buffer *sql);
void pair_sql_all(const struct pair *, enum verify_side, struct buffer *sql);

#endif
