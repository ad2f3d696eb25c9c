/*
 * gtid_set.h -- the inside of a set, for cdc/model/gtid_*.c only.
 *
 * MySQL: rows sorted by UUID, then tag; in each at least one interval, sorted, none touching the next.
 * MariaDB: the last of each domain, sorted by domain. So equal sets have equal memory.
 *
 * Every set there is keeps the limits of gtid.h: it prints into GTID_SET_BYTES_MAX, and reads back.
 */
#ifndef CDC_GTID_SET_H
#define CDC_GTID_SET_H

#include "cdc/gtid.h"

enum {
    GTID_UUID_TEXT = 36,
    GTID_DOMAIN_TEXT = 10 + 1 + 10 + 1 + 19 + 1, /* one of MariaDB's, with what separates it */
};
#define GTID_NUMBER_MAX ((uint64_t)INT64_MAX - 1)

_Static_assert(GTID_DOMAIN_TEXT * GTID_ORIGINS_MAX <= GTID_SET_BYTES_MAX, "any list of domains fits");

struct gtid_interval {
    uint64_t first, end; /* end is not in it */
};

struct gtid_row {
    const struct gtid_origin *origin;
    struct gtid_interval *at;
    size_t count, room;
};

struct gtid_set {
    enum gtid_kind kind;
    atomic_uint references;
    union {
        struct gtid_row *rows;
        struct gtid *domains;
    };
    size_t count, room; /* of rows or domains */
    size_t last;        /* the one that was added to last: where the next one likely belongs */
    size_t intervals;   /* of all rows */
    size_t text;        /* of MySQL's printed form, with its NUL; 0 when empty */
};

int gtid_origin_compare(const struct gtid_origin *a, const struct gtid_origin *b);
uint8_t *gtid_put_uuid(uint8_t *at, const uint8_t uuid[16]);
int gtid_no_memory(struct error *err);

/* Put in an interval that begins at or behind the last one that is there: how new sets are built. */
int gtid_set_append(struct gtid_set *, const struct gtid_origin *, struct gtid_interval, struct error *err);

/* Intervals in any order, on their way to become a set at once: putting each in its place would take a
 * hostile text quadratic time. Start with zeros. */
struct gtid_span {
    const struct gtid_origin *origin;
    struct gtid_interval interval;
};

struct gtid_spans {
    struct gtid_span *at;
    size_t count, room;
    bool unsorted;
};

int gtid_spans_put(struct gtid_spans *, const struct gtid_origin *, struct gtid_interval, struct error *err);
int gtid_spans_build(struct gtid_spans *, struct gtid_set **out, struct error *err);
void gtid_spans_free(struct gtid_spans *);

#endif
