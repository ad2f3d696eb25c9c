/*
 * gtid_set.c -- sets of GTIDs: memory, putting in and asking; see cdc/gtid.h, and gtid_set.h for the form.
 *
 * A reader asks and puts in one GTID for each transaction. Nearly always it is the next number of the origin
 * that was last: that way is found without a search.
 */
#include <assert.h>
#include <stdlib.h>

#include "gtid_set.h"

struct gtid_set *
gtid_set_new(enum gtid_kind kind)
{
    struct gtid_set *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return NULL;
    set->kind = kind;
    atomic_init(&set->references, 1);
    return set;
}

struct gtid_set *
gtid_set_keep(struct gtid_set *set)
{
    if (set != NULL)
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void
gtid_set_release(struct gtid_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; set->kind == GTID_MYSQL && i < set->count; i++)
        free(set->rows[i].at);
    if (set->kind == GTID_MYSQL)
        free(set->rows);
    else
        free(set->domains);
    free(set);
}

static bool
copy_rows(struct gtid_set *copy, const struct gtid_set *set)
{
    copy->rows = malloc(set->count * sizeof(*copy->rows));
    if (copy->rows == NULL)
        return false;
    copy->room = set->count;
    for (; copy->count < set->count; copy->count++) {
        const struct gtid_row *from = &set->rows[copy->count];
        struct gtid_row *row = &copy->rows[copy->count];

        *row = (struct gtid_row){.origin = from->origin, .count = from->count, .room = from->count};
        row->at = malloc(from->count * sizeof(*row->at));
        if (row->at == NULL)
            return false;
        memcpy(row->at, from->at, from->count * sizeof(*row->at));
    }
    copy->intervals = set->intervals;
    copy->text = set->text;
    return true;
}

static bool
copy_domains(struct gtid_set *copy, const struct gtid_set *set)
{
    copy->domains = malloc(set->count * sizeof(*copy->domains));
    if (copy->domains == NULL)
        return false;
    memcpy(copy->domains, set->domains, set->count * sizeof(*copy->domains));
    copy->count = copy->room = set->count;
    return true;
}

struct gtid_set *
gtid_set_copy(const struct gtid_set *set)
{
    struct gtid_set *copy = gtid_set_new(set->kind);

    if (copy == NULL || set->count == 0)
        return copy;
    copy->last = set->last;
    if (set->kind == GTID_MYSQL ? copy_rows(copy, set) : copy_domains(copy, set))
        return copy;
    gtid_set_release(copy);
    return NULL;
}

enum gtid_kind
gtid_set_kind(const struct gtid_set *set)
{
    return set->kind;
}

bool
gtid_set_empty(const struct gtid_set *set)
{
    return set->count == 0;
}

/* The array with room for one more of `size` bytes, perhaps moved; NULL: out of memory, it is as it was. */
static void *
more_room(void *array, size_t count, size_t *room, size_t size)
{
    size_t more = count < 4 ? 4 : count * 2;
    void *moved;

    if (count < *room)
        return array;
    moved = realloc(array, more * size);
    if (moved != NULL)
        *room = more;
    return moved;
}

int
gtid_no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a set of GTIDs");
}

/* May the set have so many? Asked before it is changed. */
static int
check_limits(size_t origins, size_t intervals, size_t text, struct error *err)
{
    if (origins > GTID_ORIGINS_MAX)
        return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs with more than %d UUIDs or domains",
                         GTID_ORIGINS_MAX);
    if (intervals > GTID_INTERVALS_MAX)
        return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs with more than %d intervals",
                         GTID_INTERVALS_MAX);
    if (text > GTID_SET_BYTES_MAX + 1)
        return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs longer than %d bytes",
                         GTID_SET_BYTES_MAX);
    return 0;
}

static size_t
digits_of(uint64_t number)
{
    size_t n = 1;

    for (; number >= 10000; number /= 10000)
        n += 4;
    return n + (number >= 10) + (number >= 100) + (number >= 1000);
}

/* ":5" or ":5-7". */
static size_t
interval_text(struct gtid_interval interval)
{
    size_t n = 1 + digits_of(interval.first);

    return interval.end - interval.first == 1 ? n : n + 1 + digits_of(interval.end - 1);
}

/* The UUID, with what separates it from the next, stands once for all its tags. */
static size_t
origin_text(const struct gtid_origin *origin, const struct gtid_origin *before,
            const struct gtid_origin *after)
{
    size_t tag_len = strlen(origin->tag);
    size_t n = tag_len > 0 ? 1 + tag_len : 0;

    if ((before != NULL && memcmp(origin->uuid, before->uuid, sizeof(origin->uuid)) == 0) ||
        (after != NULL && memcmp(origin->uuid, after->uuid, sizeof(origin->uuid)) == 0))
        return n;
    return n + GTID_UUID_TEXT + 1;
}

int
gtid_origin_compare(const struct gtid_origin *a, const struct gtid_origin *b)
{
    int by_uuid;

    if (a == b)
        return 0;
    by_uuid = memcmp(a->uuid, b->uuid, sizeof(a->uuid));
    return by_uuid != 0 ? by_uuid : strcmp(a->tag, b->tag);
}

/* True if there is a row, *at: which; else *at is where it belongs. */
static bool
find_row(const struct gtid_set *set, const struct gtid_origin *origin, size_t *at)
{
    size_t low = 0, high = set->count;

    *at = set->last;
    if (set->last < set->count && set->rows[set->last].origin == origin)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = gtid_origin_compare(set->rows[middle].origin, origin);

        *at = middle;
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

/* The first interval whose end is at `number` or behind it; row->count: none. */
static size_t
find_interval(const struct gtid_row *row, uint64_t number)
{
    size_t low = 0, high = row->count;

    if (high > 0 && row->at[high - 1].first <= number)
        return row->at[high - 1].end >= number ? high - 1 : high; /* mostly here */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (row->at[middle].end < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
find_domain(const struct gtid_set *set, uint32_t domain, size_t *at)
{
    size_t low = 0, high = set->count;

    *at = set->last;
    if (set->last < set->count && set->domains[set->last].domain == domain)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->domains[middle].domain < domain)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < set->count && set->domains[low].domain == domain;
}

static int
new_row(struct gtid_set *set, size_t at, const struct gtid_origin *origin, struct gtid_interval interval,
        struct error *err)
{
    const struct gtid_origin *before = at > 0 ? set->rows[at - 1].origin : NULL;
    const struct gtid_origin *after = at < set->count ? set->rows[at].origin : NULL;
    size_t text = set->text + origin_text(origin, before, after) + interval_text(interval);
    struct gtid_row row = {.origin = origin}, *rows;

    if (check_limits(set->count + 1, set->intervals + 1, text, err) == -1)
        return -1;
    rows = more_room(set->rows, set->count, &set->room, sizeof(*rows));
    if (rows == NULL)
        return gtid_no_memory(err);
    set->rows = rows;
    row.at = more_room(NULL, 0, &row.room, sizeof(*row.at));
    if (row.at == NULL)
        return gtid_no_memory(err);
    row.at[0] = interval;
    row.count = 1;
    memmove(&set->rows[at + 1], &set->rows[at], (set->count - at) * sizeof(*set->rows));
    set->rows[at] = row;
    set->count++;
    set->intervals++;
    set->text = text;
    return 0;
}

/* The intervals from `low` to before `high` become the one that is given. */
static int
replace(struct gtid_set *set, struct gtid_row *row, size_t low, size_t high, struct gtid_interval interval,
        struct error *err)
{
    size_t gone = high - low;
    size_t text = set->text + interval_text(interval);
    struct gtid_interval *moved;

    for (size_t i = low; i < high; i++)
        text -= interval_text(row->at[i]);
    if (check_limits(set->count, set->intervals + 1 - gone, text, err) == -1)
        return -1;
    if (gone == 0) {
        moved = more_room(row->at, row->count, &row->room, sizeof(*moved));
        if (moved == NULL)
            return gtid_no_memory(err);
        row->at = moved;
    }
    if (gone != 1)
        memmove(&row->at[low + 1], &row->at[high], (row->count - high) * sizeof(*row->at));
    row->at[low] = interval;
    row->count = row->count + 1 - gone;
    set->intervals = set->intervals + 1 - gone;
    set->text = text;
    return 0;
}

static int
put_interval(struct gtid_set *set, const struct gtid_origin *origin, struct gtid_interval interval,
             struct error *err)
{
    struct gtid_row *row;
    size_t at, low, high;

    if (!find_row(set, origin, &at)) {
        if (new_row(set, at, origin, interval, err) == -1)
            return -1;
        set->last = at;
        return 0;
    }
    set->last = at;
    row = &set->rows[at];
    low = find_interval(row, interval.first);
    for (high = low; high < row->count && row->at[high].first <= interval.end; high++)
        ;
    if (high > low && row->at[low].first < interval.first)
        interval.first = row->at[low].first;
    if (high > low && row->at[high - 1].end > interval.end)
        interval.end = row->at[high - 1].end;
    return replace(set, row, low, high, interval, err);
}

int
gtid_set_append(struct gtid_set *set, const struct gtid_origin *origin, struct gtid_interval interval,
                struct error *err)
{
    struct gtid_row *row = set->count > 0 ? &set->rows[set->count - 1] : NULL;
    struct gtid_interval *newest;

    if (row == NULL || row->origin != origin)
        return new_row(set, set->count, origin, interval, err);
    newest = &row->at[row->count - 1];
    if (newest->end < interval.first)
        return replace(set, row, row->count, row->count, interval, err);
    if (newest->end >= interval.end)
        return 0;
    interval.first = newest->first;
    return replace(set, row, row->count - 1, row->count, interval, err);
}

static int
put_domain(struct gtid_set *set, const struct gtid *gtid, struct error *err)
{
    struct gtid *domains;
    size_t at;

    if (!find_domain(set, gtid->domain, &at)) {
        if (check_limits(set->count + 1, 0, 0, err) == -1)
            return -1;
        domains = more_room(set->domains, set->count, &set->room, sizeof(*domains));
        if (domains == NULL)
            return gtid_no_memory(err);
        set->domains = domains;
        memmove(&set->domains[at + 1], &set->domains[at], (set->count - at) * sizeof(*set->domains));
        set->count++;
    }
    set->domains[at] = *gtid;
    set->last = at;
    return 0;
}

/* A set that others have too must stay as it is: they read it without a lock. */
static bool
ours_alone(const struct gtid_set *set)
{
    return atomic_load_explicit(&set->references, memory_order_acquire) == 1;
}

static int
bad_number(uint64_t first, uint64_t last, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "E_GTID", "%llu to %llu are not numbers of GTIDs",
                     (unsigned long long)first, (unsigned long long)last);
}

int
gtid_set_add(struct gtid_set *set, const struct gtid *gtid, struct error *err)
{
    uint64_t number = gtid->number;

    assert(ours_alone(set));
    assert((gtid->origin != NULL) == (set->kind == GTID_MYSQL));
    if (number < 1 || number > GTID_NUMBER_MAX)
        return bad_number(number, number, err);
    if (set->kind == GTID_MARIADB)
        return put_domain(set, gtid, err);
    return put_interval(set, gtid->origin, (struct gtid_interval){number, number + 1}, err);
}

int
gtid_set_add_range(struct gtid_set *set, const struct gtid_origin *origin, uint64_t first, uint64_t last,
                   struct error *err)
{
    assert(ours_alone(set));
    assert(set->kind == GTID_MYSQL);
    if (first < 1 || last < first || last > GTID_NUMBER_MAX)
        return bad_number(first, last, err);
    return put_interval(set, origin, (struct gtid_interval){first, last + 1}, err);
}

bool
gtid_set_contains(const struct gtid_set *set, const struct gtid *gtid)
{
    const struct gtid_row *row;
    size_t at;

    assert((gtid->origin != NULL) == (set->kind == GTID_MYSQL));
    if (gtid->number < 1)
        return false;
    if (set->kind == GTID_MARIADB)
        return find_domain(set, gtid->domain, &at) && gtid->number <= set->domains[at].number;
    if (!find_row(set, gtid->origin, &at))
        return false;
    row = &set->rows[at];
    at = find_interval(row, gtid->number);
    if (at < row->count && row->at[at].end == gtid->number)
        at++; /* that one ends just before */
    return at < row->count && row->at[at].first <= gtid->number;
}

bool
gtid_set_domain(const struct gtid_set *set, uint32_t domain, struct gtid *out)
{
    size_t at;

    assert(set->kind == GTID_MARIADB);
    if (!find_domain(set, domain, &at))
        return false;
    *out = set->domains[at];
    return true;
}
