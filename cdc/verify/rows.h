/*
 * rows.h -- rows as a server has them now: the source's or the target's, PostgreSQL's or MySQL's.
 *
 *     open -> describe, read, read ... -> close
 *
 * Nothing is locked and nothing is written: each read is one SELECT, a read-only transaction of its own with a time-out.
 * An answer is taken row by row as it comes, so its size does not matter.
 *
 * Threads: one. Errors: as cdc/client has them, without the side's name.
 */
#ifndef CDC_VERIFY_ROWS_H
#define CDC_VERIFY_ROWS_H

#include "../client/endpoint.h"
#include "canonical.h"
#include "cdc/arena.h"
#include "cdc/error.h"

struct rows_column {
    const char *name;
    const char *selected; /* the expression that reads it: quoted, mostly its name */
    const char *ordered;  /* the one that it is put in order by, and compared with */
    const char *type;     /* that a literal is cast to where it stands in VALUES; NULL: VALUES are not used */
    enum canonical_form form;
    bool not_null;
    bool number;          /* a value of it stands in SQL without quotes */
    bool padded;          /* CHAR: spaces at the end say nothing */
    bool json;            /* the server knows that it is JSON */
    bool json_doubles;    /* and keeps its fractions as doubles */
};

struct rows_table {
    bool exists;
    const char *from;     /* quoted, for FROM */
    struct rows_column *columns;
    uint16_t ncolumns;
    struct arena arena;   /* owns all of it */
};
void rows_table_free(struct rows_table *);
const struct rows_column *rows_column_named(const struct rows_table *, const char *name); /* NULL: none */

/* A row of an answer: `at` is NULL for NULL. 0: go on; 1: enough, what else comes is thrown away; -1: *err. */
typedef int rows_take(void *own, const struct bytes *fields, struct error *err);

struct rows_reader {
    const struct rows_ops *ops;
};

struct rows_ops {
    bool compares_rows; /* (a, b) > (1, 2) is one walk of an index, (a, b) IN (VALUES (1, 2), ...) one look for each */

    int (*open)(struct rows_reader **out, const struct endpoint *, struct error *err);
    /* The table as it is now; `schema` "" is where names without one are looked up. */
    int (*describe)(struct rows_reader *, const char *schema, const char *table, struct rows_table *out, struct error *err);
    void (*put_name)(struct buffer *sql, const char *name);
    /* A literal for this column: a canonical value of a type, or what was read from the column itself. */
    void (*put_value)(const struct rows_column *, enum value_type, struct bytes canonical, struct buffer *sql);
    void (*put_own)(const struct rows_column *, struct bytes field, struct buffer *sql);
    int (*read)(struct rows_reader *, struct bytes sql, rows_take *, void *own, struct error *err);
    void (*close)(struct rows_reader *); /* NULL is nothing */
};

extern const struct rows_ops rows_postgres, rows_mysql;

/* A read ends after so long, wherever it hangs. */
enum { ROWS_TIMEOUT_S = 600 };

#endif
