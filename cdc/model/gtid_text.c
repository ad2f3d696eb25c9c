/*
 * gtid_text.c -- sets of GTIDs as text, both ways, and one GTID from text; see cdc/gtid.h.
 *
 * Out: the shortest form, sorted. In: what servers print and people copy, that is with spaces and line
 * breaks, in any case, in any order. What MySQL would read in silence in another way than it looks is
 * refused: "5-3" (nothing), "010" (eight), an empty place between commas (a text that was cut).
 */
#include "cdc/digits.h"
#include "gtid_set.h"

static uint8_t *
put_row(uint8_t *at, const struct gtid_row *row)
{
    size_t tag_len = strlen(row->origin->tag);

    if (tag_len > 0) {
        *at++ = ':';
        memcpy(at, row->origin->tag, tag_len);
        at += tag_len;
    }
    for (size_t i = 0; i < row->count; i++) {
        *at++ = ':';
        at = digits_uint(at, row->at[i].first);
        if (row->at[i].end - row->at[i].first > 1) {
            *at++ = '-';
            at = digits_uint(at, row->at[i].end - 1);
        }
    }
    return at;
}

static uint8_t *
put_rows(uint8_t *at, const struct gtid_set *set)
{
    const struct gtid_origin *before = NULL;

    for (size_t i = 0; i < set->count; i++) {
        const struct gtid_origin *origin = set->rows[i].origin;

        if (before == NULL || memcmp(before->uuid, origin->uuid, sizeof(origin->uuid)) != 0) {
            if (before != NULL)
                *at++ = ',';
            at = gtid_put_uuid(at, origin->uuid);
        }
        at = put_row(at, &set->rows[i]);
        before = origin;
    }
    return at;
}

static uint8_t *
put_domains(uint8_t *at, const struct gtid_set *set)
{
    char text[GTID_TEXT_MAX];

    for (size_t i = 0; i < set->count; i++) {
        size_t len = gtid_print(&set->domains[i], text);

        if (i > 0)
            *at++ = ',';
        memcpy(at, text, len);
        at += len;
    }
    return at;
}

void
gtid_set_print(const struct gtid_set *set, struct buffer *out)
{
    uint8_t *at, *end;

    if (set->count == 0)
        return;
    at = buffer_room(out, set->kind == GTID_MYSQL ? set->text : set->count * GTID_DOMAIN_TEXT);
    if (at == NULL)
        return;
    end = set->kind == GTID_MYSQL ? put_rows(at, set) : put_domains(at, set);
    out->len += (size_t)(end - at);
}

struct reader {
    const char *text, *at;
    struct error *err;
};

/* -1, with what should have been there. */
static int
expected(const struct reader *in, const char *what)
{
    if (*in->at == 0)
        return error_set(in->err, ERROR_CONFIG, "E_GTID",
                         "GTIDs are unreadable: \"%.60s\" ends where %s is expected", in->text, what);
    return error_set(in->err, ERROR_CONFIG, "E_GTID",
                     "GTIDs are unreadable: at byte %zu %s is expected, not \"%.60s\"",
                     (size_t)(in->at - in->text) + 1, what, in->at);
}

static void
skip_space(struct reader *in)
{
    while (*in->at == ' ' || (*in->at >= '\t' && *in->at <= '\r'))
        in->at++;
}

/* The character, and the space on both sides of it. */
static bool
skip(struct reader *in, char c)
{
    skip_space(in);
    if (*in->at != c)
        return false;
    in->at++;
    skip_space(in);
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int
read_uuid(struct reader *in, uint8_t uuid[16])
{
    const char *at = in->at;

    for (int i = 0; i < 16; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
            return expected(in, "a UUID");
        high = hex_digit(at[0]);
        low = high < 0 ? -1 : hex_digit(at[1]); /* the text may end between the two */
        if (low < 0)
            return expected(in, "a UUID");
        uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    in->at = at;
    return 0;
}

/* Leading zeros: none, they would make it octal for some servers. */
static int
read_number(struct reader *in, uint64_t low, uint64_t high, uint64_t *out)
{
    const char *at = in->at;
    uint64_t number = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        if ((number == 0 && at > in->at) || __builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return expected(in, "a number");
    }
    if (at == in->at)
        return expected(in, "a number");
    if (number < low || number > high)
        return expected(in, "a number in its bounds");
    in->at = at;
    *out = number;
    return 0;
}

static bool
in_tag(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* In front of a number or a tag: if it is a tag, the origin is that one from here on. */
static int
read_tag(struct reader *in, const uint8_t uuid[16], const struct gtid_origin **origin)
{
    const char *tag = in->at;
    size_t len = 0;

    if (!in_tag(*tag) || (*tag >= '0' && *tag <= '9')) {
        if (*origin == NULL)
            *origin = gtid_origin(uuid, "", 0);
        return *origin != NULL ? 0 : gtid_no_memory(in->err);
    }
    while (in_tag(tag[len]))
        len++;
    if (len > GTID_TAG_MAX)
        return expected(in, "a tag of at most 32 characters");
    *origin = gtid_origin(uuid, tag, len);
    if (*origin == NULL)
        return gtid_no_memory(in->err);
    in->at += len;
    return skip(in, ':') ? 0 : expected(in, "a colon");
}

static int
read_interval(struct reader *in, const struct gtid_origin *origin, struct gtid_spans *spans)
{
    uint64_t first, last;

    if (read_number(in, 1, GTID_NUMBER_MAX, &first) == -1)
        return -1;
    last = first;
    if (skip(in, '-') && read_number(in, first, GTID_NUMBER_MAX, &last) == -1)
        return -1;
    return gtid_spans_put(spans, origin, (struct gtid_interval){first, last + 1}, in->err);
}

/* "UUID:1-3:5:tag:1-2": a tag is that of all intervals behind it, up to the next tag. */
static int
read_uuid_set(struct reader *in, struct gtid_spans *spans)
{
    const struct gtid_origin *origin = NULL;
    uint8_t uuid[16];

    if (read_uuid(in, uuid) == -1)
        return -1;
    if (!skip(in, ':'))
        return expected(in, "a colon");
    do {
        if (read_tag(in, uuid, &origin) == -1 || read_interval(in, origin, spans) == -1)
            return -1;
    } while (skip(in, ':'));
    return 0;
}

static int
read_rows(struct reader *in, struct gtid_spans *spans)
{
    if (*in->at == 0)
        return 0;
    do {
        if (read_uuid_set(in, spans) == -1)
            return -1;
    } while (skip(in, ','));
    return *in->at == 0 ? 0 : expected(in, "a comma");
}

static int
parse_mysql(struct gtid_set **out, struct reader *in)
{
    struct gtid_spans spans = {0};
    int done = read_rows(in, &spans);

    if (done == 0)
        done = gtid_spans_build(&spans, out, in->err);
    gtid_spans_free(&spans);
    return done;
}

static int
read_dash(struct reader *in)
{
    if (*in->at != '-')
        return expected(in, "a dash");
    in->at++;
    return 0;
}

/* "0-1-5" */
static int
read_triple(struct reader *in, struct gtid *out)
{
    uint64_t domain, server;

    if (read_number(in, 0, UINT32_MAX, &domain) == -1)
        return -1;
    if (read_dash(in) == -1 || read_number(in, 0, UINT32_MAX, &server) == -1 || read_dash(in) == -1)
        return -1;
    *out = (struct gtid){.domain = (uint32_t)domain, .server = (uint32_t)server};
    return read_number(in, 1, GTID_NUMBER_MAX, &out->number);
}

static int
read_domains(struct reader *in, struct gtid_set *set)
{
    if (*in->at == 0)
        return 0;
    do {
        struct gtid gtid, other;

        if (read_triple(in, &gtid) == -1)
            return -1;
        if (gtid_set_domain(set, gtid.domain, &other))
            return error_set(in->err, ERROR_CONFIG, "E_GTID", "domain %u comes twice in a list of GTIDs",
                             gtid.domain);
        if (gtid_set_add(set, &gtid, in->err) == -1)
            return -1;
    } while (skip(in, ','));
    return *in->at == 0 ? 0 : expected(in, "a comma");
}

static int
parse_mariadb(struct gtid_set **out, struct reader *in)
{
    struct gtid_set *set = gtid_set_new(GTID_MARIADB);

    if (set == NULL)
        return gtid_no_memory(in->err);
    if (read_domains(in, set) == -1) {
        gtid_set_release(set);
        return -1;
    }
    *out = set;
    return 0;
}

int
gtid_set_parse(struct gtid_set **out, enum gtid_kind kind, const char *text, struct error *err)
{
    struct reader in = {text, text, err};

    if (strnlen(text, GTID_SET_BYTES_MAX + 1) > GTID_SET_BYTES_MAX)
        return error_set(err, ERROR_CONFIG, "E_GTID", "a set of GTIDs longer than %d bytes",
                         GTID_SET_BYTES_MAX);
    skip_space(&in);
    return kind == GTID_MYSQL ? parse_mysql(out, &in) : parse_mariadb(out, &in);
}

int
gtid_parse(struct gtid *out, const char *text, struct error *err)
{
    struct reader in = {text, text, err};
    struct gtid gtid = {0};
    uint8_t uuid[16];

    skip_space(&in);
    if (strchr(text, ':') == NULL) {
        if (read_triple(&in, &gtid) == -1)
            return -1;
    } else {
        if (read_uuid(&in, uuid) == -1)
            return -1;
        if (!skip(&in, ':'))
            return expected(&in, "a colon");
        if (read_tag(&in, uuid, &gtid.origin) == -1 ||
            read_number(&in, 1, GTID_NUMBER_MAX, &gtid.number) == -1)
            return -1;
    }
    skip_space(&in);
    if (*in.at != 0)
        return expected(&in, "the end");
    *out = gtid;
    return 0;
}
