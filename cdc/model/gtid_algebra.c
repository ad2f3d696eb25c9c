/*
 * gtid_algebra.c -- whole sets against each other; see cdc/gtid.h.
 *
 * Both sides are sorted, so each of these goes through the two at once, and results come in order.
 */
#include <assert.h>

#include "gtid_set.h"

bool
gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == GTID_MARIADB) {
            if (!gtid_equal(&a->domains[i], &b->domains[i]))
                return false;
            continue;
        }
        if (a->rows[i].origin != b->rows[i].origin || a->rows[i].count != b->rows[i].count ||
            memcmp(a->rows[i].at, b->rows[i].at, a->rows[i].count * sizeof(*a->rows[i].at)) != 0)
            return false;
    }
    return true;
}

/* The row of that origin, if there is one; *at goes on over those that sort before it. */
static const struct gtid_row *
row_of(const struct gtid_set *set, const struct gtid_origin *origin, size_t *at)
{
    int order = -1;

    while (*at < set->count && (order = gtid_origin_compare(set->rows[*at].origin, origin)) < 0)
        ++*at;
    return *at < set->count && order == 0 ? &set->rows[*at] : NULL;
}

/* The entry of that domain, in the same way. */
static const struct gtid *
domain_of(const struct gtid_set *set, uint32_t domain, size_t *at)
{
    while (*at < set->count && set->domains[*at].domain < domain)
        ++*at;
    return *at < set->count && set->domains[*at].domain == domain ? &set->domains[*at] : NULL;
}

static bool
row_subset(const struct gtid_row *a, const struct gtid_row *b)
{
    size_t k = 0;

    for (size_t i = 0; i < a->count; i++) {
        while (k < b->count && b->at[k].end < a->at[i].end)
            k++;
        if (k == b->count || b->at[k].first > a->at[i].first)
            return false;
    }
    return true;
}

bool
gtid_set_subset(const struct gtid_set *a, const struct gtid_set *b)
{
    size_t k = 0;

    assert(a->kind == b->kind);
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == GTID_MYSQL) {
            const struct gtid_row *row = row_of(b, a->rows[i].origin, &k);

            if (row == NULL || !row_subset(&a->rows[i], row))
                return false;
        } else {
            const struct gtid *entry = domain_of(b, a->domains[i].domain, &k);

            if (entry == NULL || entry->number < a->domains[i].number)
                return false;
        }
    }
    return true;
}

static int
intersect_rows(struct gtid_set *out, const struct gtid_row *a, const struct gtid_row *b)
{
    size_t i = 0, k = 0;

    while (i < a->count && k < b->count) {
        struct gtid_interval x = a->at[i], y = b->at[k];
        struct gtid_interval both = {x.first > y.first ? x.first : y.first, x.end < y.end ? x.end : y.end};

        if (both.first < both.end && gtid_set_append(out, a->origin, both, NULL) == -1)
            return -1;
        if (x.end <= y.end)
            i++;
        else
            k++;
    }
    return 0;
}

/* Of the same number from two servers, which can't be in strict mode, the same one from both sides. */
static int
smaller_entry(struct gtid_set *out, const struct gtid *a, const struct gtid *b)
{
    bool take_a = a->number < b->number || (a->number == b->number && a->server <= b->server);

    return gtid_set_add(out, take_a ? a : b, NULL);
}

struct gtid_set *
gtid_set_intersect(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set *out = gtid_set_new(a->kind);
    size_t k = 0;
    int done = 0;

    assert(a->kind == b->kind);
    for (size_t i = 0; out != NULL && done == 0 && i < a->count; i++) {
        if (a->kind == GTID_MYSQL) {
            const struct gtid_row *row = row_of(b, a->rows[i].origin, &k);

            if (row != NULL)
                done = intersect_rows(out, &a->rows[i], row);
        } else {
            const struct gtid *entry = domain_of(b, a->domains[i].domain, &k);

            if (entry != NULL)
                done = smaller_entry(out, &a->domains[i], entry);
        }
    }
    if (done == 0)
        return out;
    gtid_set_release(out);
    return NULL;
}

static int
subtract_rows(struct gtid_set *out, const struct gtid_row *a, const struct gtid_row *b)
{
    size_t k = 0;

    for (size_t i = 0; i < a->count; i++) {
        struct gtid_interval rest = a->at[i];

        while (k < b->count && b->at[k].end <= rest.first)
            k++;
        for (; k < b->count && b->at[k].first < rest.end; k++) {
            struct gtid_interval before = {rest.first, b->at[k].first};

            if (before.first < before.end && gtid_set_append(out, a->origin, before, NULL) == -1)
                return -1;
            rest.first = b->at[k].end;
            if (rest.first >= rest.end)
                break; /* this one may reach into the next of a's */
        }
        if (rest.first < rest.end && gtid_set_append(out, a->origin, rest, NULL) == -1)
            return -1;
    }
    return 0;
}

struct gtid_set *
gtid_set_subtract(const struct gtid_set *a, const struct gtid_set *b)
{
    static const struct gtid_row nothing;
    struct gtid_set *out = gtid_set_new(a->kind);
    size_t k = 0;

    assert(a->kind == GTID_MYSQL && b->kind == GTID_MYSQL);
    for (size_t i = 0; out != NULL && i < a->count; i++) {
        const struct gtid_row *row = row_of(b, a->rows[i].origin, &k);

        if (subtract_rows(out, &a->rows[i], row != NULL ? row : &nothing) == -1) {
            gtid_set_release(out);
            return NULL;
        }
    }
    return out;
}

uint64_t
gtid_set_count(const struct gtid_set *set)
{
    uint64_t sum = 0;

    if (set->kind == GTID_MARIADB)
        return set->count;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < set->rows[i].count; k++) {
            if (__builtin_add_overflow(sum, set->rows[i].at[k].end - set->rows[i].at[k].first, &sum))
                return UINT64_MAX;
        }
    }
    return sum;
}
