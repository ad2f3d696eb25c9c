/* gtid_spans.c -- intervals in any order to a set; see gtid_set.h. */
#include <stdlib.h>

#include "gtid_set.h"

static int
span_compare(const void *a, const void *b)
{
    const struct gtid_span *x = a, *y = b;
    int order = gtid_origin_compare(x->origin, y->origin);

    if (order != 0)
        return order;
    return (x->interval.first > y->interval.first) - (x->interval.first < y->interval.first);
}

int
gtid_spans_put(struct gtid_spans *spans, const struct gtid_origin *origin, struct gtid_interval interval,
               struct error *err)
{
    struct gtid_span span = {origin, interval};

    if (spans->count == GTID_INTERVALS_MAX)
        return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs with more than %d intervals",
                         GTID_INTERVALS_MAX);
    if (spans->count == spans->room) {
        size_t more = spans->room == 0 ? 16 : spans->room * 2;
        struct gtid_span *moved = realloc(spans->at, more * sizeof(*moved));

        if (moved == NULL)
            return gtid_no_memory(err);
        spans->at = moved;
        spans->room = more;
    }
    if (spans->count > 0 && span_compare(&spans->at[spans->count - 1], &span) > 0)
        spans->unsorted = true;
    spans->at[spans->count++] = span;
    return 0;
}

int
gtid_spans_build(struct gtid_spans *spans, struct gtid_set **out, struct error *err)
{
    struct gtid_set *set = gtid_set_new(GTID_MYSQL);

    if (set == NULL)
        return gtid_no_memory(err);
    if (spans->unsorted)
        qsort(spans->at, spans->count, sizeof(*spans->at), span_compare);
    spans->unsorted = false;
    for (size_t i = 0; i < spans->count; i++) {
        if (gtid_set_append(set, spans->at[i].origin, spans->at[i].interval, err) == -1) {
            gtid_set_release(set);
            return -1;
        }
    }
    *out = set;
    return 0;
}

void
gtid_spans_free(struct gtid_spans *spans)
{
    free(spans->at);
    *spans = (struct gtid_spans){0};
}
