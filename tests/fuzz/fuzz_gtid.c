/*
 * fuzz_gtid.c -- any text and any bytes as sets of GTIDs. What is taken is in order, prints and reads back
 * the same; two of them obey the laws of sets, and when they are small they do what lists of numbers do.
 *
 * The first byte chooses: MySQL's text, MariaDB's text, MySQL's bytes, one GTID. A NUL parts two texts, a
 * 16-bit length in front of the first two slices of bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../cdc/model/gtid_set.h"
#include "cdc/intern.h"

enum { SMALL = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
must_be_refused(const struct error *err)
{
    must(err->kind == ERROR_CONFIG && strcmp(err->code, "E_GTID") == 0);
}

/* As gtid_set.h says that it is. */
static void
check_inside(const struct gtid_set *set)
{
    size_t intervals = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->kind == GTID_MARIADB) {
            must(set->domains[i].origin == NULL && set->domains[i].number > 0);
            must(i == 0 || set->domains[i - 1].domain < set->domains[i].domain);
            continue;
        }
        must(set->rows[i].count > 0);
        must(i == 0 || gtid_origin_compare(set->rows[i - 1].origin, set->rows[i].origin) < 0);
        intervals += set->rows[i].count;
        for (size_t k = 0; k < set->rows[i].count; k++) {
            const struct gtid_interval *at = &set->rows[i].at[k];

            must(at->first > 0 && at->first < at->end && at->end <= INT64_MAX);
            must(k == 0 || at[-1].end < at->first);
        }
    }
    must(intervals == set->intervals);
}

static void
check_round_trips(const struct gtid_set *set)
{
    struct buffer out = {0};
    struct gtid_set *back;

    check_inside(set);
    gtid_set_print(set, &out);
    must(set->kind == GTID_MARIADB || set->text == (set->count == 0 ? 0 : out.len + 1));
    must(gtid_set_parse(&back, set->kind, buffer_cstr(&out), NULL) == 0);
    check_inside(back);
    must(gtid_set_equal(back, set) && gtid_set_equal(set, back) && back->text == set->text);
    gtid_set_release(back);
    if (set->kind == GTID_MYSQL) {
        buffer_reset(&out);
        gtid_set_encode(set, &out);
        must(gtid_set_decode(&back, bytes_of(out.at, out.len), NULL) == 0);
        must(gtid_set_equal(back, set));
        gtid_set_release(back);
    }
    buffer_free(&out);
}

/* Every GTID of a small set, one by one. */
static size_t
list(const struct gtid_set *set, struct gtid *out)
{
    size_t n = 0;

    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < set->rows[i].count; k++) {
            for (uint64_t number = set->rows[i].at[k].first; number < set->rows[i].at[k].end; number++)
                out[n++] = (struct gtid){.origin = set->rows[i].origin, .number = number};
        }
    }
    return n;
}

static bool
listed(const struct gtid *in, size_t n, const struct gtid *gtid)
{
    while (n > 0 && !gtid_equal(&in[n - 1], gtid))
        n--;
    return n > 0;
}

static void
check_against_lists(const struct gtid_set *a, const struct gtid_set *b, const struct gtid_set *met)
{
    static struct gtid as[SMALL], bs[SMALL];
    size_t n, m, common = 0;

    if (gtid_set_count(a) > SMALL || gtid_set_count(b) > SMALL)
        return;
    n = list(a, as);
    m = list(b, bs);
    must(n == gtid_set_count(a) && m == gtid_set_count(b));
    for (size_t i = 0; i < n; i++) {
        bool both = listed(bs, m, &as[i]);

        must(gtid_set_contains(a, &as[i]));
        must(gtid_set_contains(b, &as[i]) == both && gtid_set_contains(met, &as[i]) == both);
        common += both;
    }
    must(gtid_set_count(met) == common && gtid_set_subset(a, b) == (common == n));
}

/* a and all of b, by adding in the order of b. */
static struct gtid_set *
joined(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set *all = gtid_set_copy(a);

    must(all != NULL);
    for (size_t i = b->count; i-- > 0;) {
        for (size_t k = 0; k < b->rows[i].count; k++) {
            struct gtid_interval at = b->rows[i].at[k];

            must(gtid_set_add_range(all, b->rows[i].origin, at.first, at.end - 1, NULL) == 0);
        }
    }
    return all;
}

static void
check_laws(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set *met = gtid_set_intersect(a, b), *again = gtid_set_intersect(b, a);
    struct gtid_set *left = gtid_set_subtract(a, b), *all = joined(a, b), *rest = gtid_set_subtract(all, b);
    struct gtid_set *none = gtid_set_intersect(left, b);
    uint64_t n = gtid_set_count(a), m = gtid_set_count(b);

    must(met != NULL && again != NULL && left != NULL && rest != NULL && none != NULL);
    check_round_trips(met);
    check_round_trips(left);
    check_round_trips(all);
    must(gtid_set_equal(met, again) && gtid_set_equal(left, rest) && gtid_set_empty(none));
    must(gtid_set_subset(met, a) && gtid_set_subset(met, b) && gtid_set_subset(left, a));
    must(gtid_set_subset(a, all) && gtid_set_subset(b, all));
    must(gtid_set_subset(a, b) == gtid_set_empty(left) && gtid_set_subset(a, b) == gtid_set_equal(met, a));
    must(gtid_set_equal(a, b) == (gtid_set_subset(a, b) && gtid_set_subset(b, a)));
    if (n < UINT64_MAX / 4 && m < UINT64_MAX / 4) {
        must(gtid_set_count(met) + gtid_set_count(left) == n);
        must(gtid_set_count(all) + gtid_set_count(met) == n + m);
    }
    check_against_lists(a, b, met);
    gtid_set_release(met);
    gtid_set_release(again);
    gtid_set_release(left);
    gtid_set_release(all);
    gtid_set_release(rest);
    gtid_set_release(none);
}

static void
check_list_laws(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set *met = gtid_set_intersect(a, b), *again = gtid_set_intersect(b, a);
    bool subset = true;

    must(met != NULL && again != NULL);
    check_round_trips(met);
    must(gtid_set_equal(met, again) && gtid_set_subset(met, a) && gtid_set_subset(met, b));
    for (size_t i = 0; i < a->count; i++) {
        const struct gtid *entry = &a->domains[i];
        struct gtid other, both;
        bool has = gtid_set_domain(b, entry->domain, &other);

        must(gtid_set_contains(a, entry));
        must(gtid_set_contains(b, entry) == (has && other.number >= entry->number));
        subset = subset && has && other.number >= entry->number;
        must(gtid_set_domain(met, entry->domain, &both) == has);
        must(!has || both.number == (other.number < entry->number ? other.number : entry->number));
    }
    must(gtid_set_subset(a, b) == subset && gtid_set_count(met) <= gtid_set_count(b));
    gtid_set_release(met);
    gtid_set_release(again);
}

/* Takes both over. */
static void
check_two(struct gtid_set *a, struct gtid_set *b)
{
    if (a != NULL)
        check_round_trips(a);
    if (b != NULL)
        check_round_trips(b);
    if (a != NULL && b != NULL) {
        if (a->kind == GTID_MYSQL)
            check_laws(a, b);
        else
            check_list_laws(a, b);
    }
    gtid_set_release(a);
    gtid_set_release(b);
}

static struct gtid_set *
parse(enum gtid_kind kind, const char *text)
{
    struct error err = ERROR_INIT;
    struct gtid_set *set = NULL;

    if (gtid_set_parse(&set, kind, text, &err) == -1) {
        must_be_refused(&err);
        must(set == NULL);
    }
    return set;
}

static struct gtid_set *
decode(struct bytes in)
{
    struct error err = ERROR_INIT;
    struct gtid_set *set = NULL;

    if (gtid_set_decode(&set, in, &err) == -1) {
        must_be_refused(&err);
        must(set == NULL);
    }
    return set;
}

/* A GTID alone is a set too. */
static void
check_one(const char *text)
{
    struct error err = ERROR_INIT;
    struct gtid gtid, back;
    struct gtid_set *set;
    char again[GTID_TEXT_MAX];

    if (gtid_parse(&gtid, text, &err) == -1) {
        must_be_refused(&err);
        return;
    }
    must(gtid_print(&gtid, again) == strlen(again) && strlen(again) < sizeof(again));
    must(gtid_parse(&back, again, NULL) == 0 && gtid_equal(&back, &gtid));
    must(gtid_set_parse(&set, gtid.origin != NULL ? GTID_MYSQL : GTID_MARIADB, text, NULL) == 0);
    must(gtid_set_contains(set, &gtid) && gtid_set_count(set) == 1);
    gtid_set_release(set);
}

static void
run_bytes(const uint8_t *data, size_t size)
{
    size_t len;

    if (size < 2)
        return;
    len = (size_t)data[0] | (size_t)data[1] << 8;
    data += 2;
    size -= 2;
    len = len < size ? len : size;
    check_two(decode(bytes_of(data, len)), decode(bytes_of(data + len, size - len)));
}

static void
run_text(unsigned choice, const uint8_t *data, size_t size)
{
    char *text = calloc(size + 2, 1);
    const char *other;

    if (text == NULL)
        return;
    memcpy(text, data, size);
    other = text + strlen(text) + 1;
    if (choice == 3)
        check_one(text);
    else if (choice == 0)
        check_two(parse(GTID_MYSQL, text), parse(GTID_MYSQL, other));
    else
        check_two(parse(GTID_MARIADB, text), parse(GTID_MARIADB, other));
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice = size > 0 ? data[0] % 4 : 0;

    if (size == 0)
        return 0;
    if (choice == 2)
        run_bytes(data + 1, size - 1);
    else
        run_text(choice, data + 1, size - 1);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    intern_forget();
#endif
    return 0;
}
