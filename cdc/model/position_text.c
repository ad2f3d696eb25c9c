/* position_text.c -- positions and transactions as text, out and in. See cdc/position.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/digits.h"
#include "cdc/error.h"
#include "cdc/position.h"

/* ---- out ---- */

const char *
lsn_print(uint64_t lsn, char *text)
{
    *digits_lsn((uint8_t *)text, lsn) = 0;
    return text;
}

size_t
transaction_print(const struct transaction *transaction, char *text)
{
    uint8_t *end;

    if (transaction->final != 0) {
        end = digits_lsn((uint8_t *)text, transaction->final);
    } else if (transaction->gtid.number != 0) {
        return gtid_print(&transaction->gtid, text);
    } else if (transaction->begin.number != 0) {
        size_t n = log_file_print(&transaction->begin, text);

        text[n++] = ':';
        end = digits_uint((uint8_t *)text + n, transaction->begin.pos);
    } else {
        end = digits_lsn((uint8_t *)text, 0);
    }
    *end = 0;
    return (size_t)((char *)end - text);
}

static void
put_file(struct buffer *out, const struct log_place *at)
{
    char file[LOG_FILE_MAX];

    log_file_print(at, file);
    buffer_printf(out, "%s/%" PRIu64, file, at->pos);
}

static void
put_binlog(struct buffer *out, const struct position *pos)
{
    const struct place *place = pos->place;
    char name[TRANSACTION_TEXT_MAX];

    if (place->set == NULL) {
        buffer_put_string(out, "file:");
        put_file(out, &place->at);
    } else {
        buffer_put_string(out, gtid_set_kind(place->set) == GTID_MYSQL ? "gtid:" : "mariadb:");
        gtid_set_print(place->set, out);
        if (place->at.number != 0) {
            buffer_put_string(out, "@");
            put_file(out, &place->at);
        }
    }
    if (pos->open == 0)
        return;
    transaction_print(&(struct transaction){.gtid = place->inside, .begin = place->inside_at}, name);
    buffer_printf(out, "+%s/%" PRIu64 "/%" PRIu64 "/%s", name, pos->done, pos->rows, place->server);
}

void
position_put(const struct position *pos, struct buffer *out)
{
    char end[LSN_TEXT_MAX], open[LSN_TEXT_MAX];

    if (pos->kind == POSITION_NONE)
        buffer_put_string(out, "none");
    else if (pos->kind == POSITION_BINLOG)
        put_binlog(out, pos);
    else if (pos->open == 0)
        buffer_printf(out, "lsn:%s", lsn_print(pos->end, end));
    else
        buffer_printf(out, "lsn:%s+%s/%" PRIu64, lsn_print(pos->end, end), lsn_print(pos->open, open),
                      pos->done);
}

const char *
position_print(const struct position *pos, char *text)
{
    struct buffer whole = {0};
    const char *all;

    position_put(pos, &whole);
    all = buffer_cstr(&whole);
    if (strlen(all) < POSITION_TEXT_MAX)
        strcpy(text, all);
    else
        snprintf(text, POSITION_TEXT_MAX, "%.200s...%s", all, all + strlen(all) - 100);
    buffer_free(&whole);
    return text;
}

/* ---- in ---- */

/* One half: 1 to 8 hex digits; returns the end or NULL. */
static const char *
parse_hex(const char *p, uint32_t *out)
{
    uint32_t v = 0;
    int n = 0;

    for (; n < 9; n++, p++) {
        int d;
        if (*p >= '0' && *p <= '9')
            d = *p - '0';
        else if (*p >= 'a' && *p <= 'f')
            d = *p - 'a' + 10;
        else if (*p >= 'A' && *p <= 'F')
            d = *p - 'A' + 10;
        else
            break;
        if (n == 8)
            return NULL;
        v = (v << 4) | (uint32_t)d;
    }
    *out = v;
    return n > 0 ? p : NULL;
}

static const char *
parse_lsn(const char *p, uint64_t *out)
{
    uint32_t high, low;

    p = parse_hex(p, &high);
    if (p == NULL || *p++ != '/')
        return NULL;
    p = parse_hex(p, &low);
    *out = ((uint64_t)high << 32) | low;
    return p;
}

bool
lsn_parse(uint64_t *out, const char *text)
{
    const char *end = parse_lsn(text, out);

    return end != NULL && *end == 0;
}

/* Decimal digits and nothing else. */
static bool
parse_count(struct bytes text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || __builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, (uint64_t)(text.at[i] - '0'), out))
            return false;
    }
    return text.len > 0 && *out != UINT64_MAX;
}

/* "LSN" or "LSN+LSN/COUNT". */
static bool
parse_lsn_position(const char *p, struct position *pos)
{
    *pos = (struct position){.kind = POSITION_LSN};
    p = parse_lsn(p, &pos->end);
    if (p == NULL || *p == 0)
        return p != NULL;
    if (*p++ != '+')
        return false;
    p = parse_lsn(p, &pos->open);
    return p != NULL && *p++ == '/' && parse_count(bytes_of_string(p), &pos->done) && pos->open >= pos->end;
}

/*
 * A binlog's text is read from its front: no set holds "@" or "+", no name of a file a slash, though it may hold any of
 * the other marks, and behind an offset only "+" can stand. So each mark is where it is looked for first.
 */

/* What stands before the first of these marks, or all of it; `text` begins with the mark then. */
static struct bytes
take_until(struct bytes *text, const char *marks)
{
    struct bytes piece = *text;
    size_t n = 0;

    while (n < text->len && strchr(marks, text->at[n]) == NULL)
        n++;
    piece.len = n;
    *text = bytes_of(text->at + n, text->len - n);
    return piece;
}

static bool
take_mark(struct bytes *text, char mark)
{
    if (text->len == 0 || text->at[0] != (uint8_t)mark)
        return false;
    *text = bytes_of(text->at + 1, text->len - 1);
    return true;
}

/* "binlog.000003/1234", perhaps with "+" behind it */
static const char *
take_file(struct bytes *text, struct log_place *out)
{
    struct bytes name = take_until(text, "/");
    uint64_t pos;

    if (!take_mark(text, '/'))
        return "a file's name and an offset are parted by a slash";
    if (!parse_count(take_until(text, "+"), &pos))
        return "an offset in a file is a decimal number";
    return log_place_parse(out, name, pos) == 0 ? NULL : "a binlog's file is a name, a dot and a number";
}

/* A GTID, or "binlog.000003:1234". */
static const char *
parse_name(struct bytes text, enum gtid_kind kind, struct place *place)
{
    static const char *const bad = "behind + stands a transaction: a GTID, or without GTIDs NAME:OFFSET";
    char name[TRANSACTION_TEXT_MAX];
    size_t colon = text.len;
    uint64_t pos;

    if (text.len == 0 || text.len >= sizeof(name))
        return bad;
    memcpy(name, text.at, text.len);
    name[text.len] = 0;
    if (gtid_parse(&place->inside, name, NULL) == 0)
        return (place->inside.origin != NULL) == (kind == GTID_MYSQL) ? NULL : bad;
    place->inside = (struct gtid){0};
    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || !parse_count(bytes_of(text.at + colon, text.len - colon), &pos))
        return bad;
    return log_place_parse(&place->inside_at, bytes_of(text.at, colon - 1), pos) == 0 ? NULL : bad;
}

/* "TRANSACTION/EVENTS/ROWS/SERVER" */
static const char *
parse_inside(struct bytes text, enum gtid_kind kind, struct position *pos)
{
    struct bytes name = take_until(&text, "/"), events, rows;

    if (!take_mark(&text, '/'))
        return "behind + four parts stand, parted by slashes";
    events = take_until(&text, "/");
    if (!take_mark(&text, '/'))
        return "behind + four parts stand, parted by slashes";
    rows = take_until(&text, "/");
    if (!take_mark(&text, '/') || memchr(text.at, '/', text.len) != NULL)
        return "behind + four parts stand, parted by slashes";
    if (!parse_count(events, &pos->done) || !parse_count(rows, &pos->rows))
        return "row events and rows are decimal numbers";
    if (pos->done == 0)
        return "a transaction of which no row event is done is left out, with its +";
    if (text.len == 0 || text.len >= SERVER_NAME_MAX || memchr(text.at, '"', text.len) != NULL)
        return "the last part is a server_uuid or server_id";
    memcpy(pos->place->server, text.at, text.len);
    pos->open = 1;
    return parse_name(name, kind, pos->place);
}

static const char *
parse_set(struct bytes text, enum gtid_kind kind, struct place *place)
{
    char *set = strndup((const char *)text.at, text.len);
    bool good = set != NULL && gtid_set_parse(&place->set, kind, set, NULL) == 0;

    free(set);
    return good ? NULL : "the set of GTIDs is none of that server's";
}

/* What stands behind "gtid:", "mariadb:" (kind) or "file:" (0). NULL, or why it is none. */
static const char *
parse_binlog(const char *p, int kind, struct position *pos)
{
    struct bytes text = bytes_of_string(p);
    const char *why = NULL;

    *pos = (struct position){.kind = POSITION_BINLOG, .place = calloc(1, sizeof(*pos->place))};
    if (pos->place == NULL)
        return "out of memory";
    atomic_init(&pos->place->references, 1);
    if (kind != 0)
        why = parse_set(take_until(&text, "@+"), (enum gtid_kind)kind, pos->place);
    if (why == NULL && (kind == 0 || take_mark(&text, '@')))
        why = take_file(&text, &pos->place->at);
    if (why == NULL && take_mark(&text, '+'))
        why = parse_inside(text, kind == 0 ? GTID_MYSQL : (enum gtid_kind)kind, pos);
    if (why == NULL && kind == 0 && pos->open != 0 && pos->place->inside_at.number == 0)
        why = "a position by file names its transaction by file, too";
    return why;
}

int
position_parse(struct position *out, const char *text, struct error *err)
{
    static const struct {
        const char *prefix;
        int kind;
    } binlogs[] = {{"gtid:", GTID_MYSQL}, {"mariadb:", GTID_MARIADB}, {"file:", 0}};
    struct position pos = {.kind = POSITION_NONE};
    bool good;

    if (strcmp(text, "none") == 0) {
        *out = pos;
        return 0;
    }
    for (size_t i = 0; i < sizeof(binlogs) / sizeof(binlogs[0]); i++) {
        size_t n = strlen(binlogs[i].prefix);
        const char *why;

        if (strncmp(text, binlogs[i].prefix, n) != 0)
            continue;
        why = parse_binlog(text + n, binlogs[i].kind, &pos);
        if (why == NULL) {
            *out = pos;
            return 0;
        }
        position_clear(&pos);
        return error_set(err, ERROR_CONFIG, "E_POSITION",
                         "\"%.100s\" is not a position (%s): expected gtid:SET, mariadb:LIST or file:NAME/OFFSET, "
                         "the first two perhaps with @NAME/OFFSET, each with +TRANSACTION/EVENTS/ROWS/SERVER inside a "
                         "transaction",
                         text, why);
    }
    good = parse_lsn_position(strncmp(text, "lsn:", 4) == 0 ? text + 4 : text, &pos);
    if (!good)
        return error_set(err, ERROR_CONFIG, "E_POSITION",
                         "\"%.60s\" is not a position: expected lsn:HI/LO or lsn:HI/LO+HI/LO/COUNT, "
                         "hexadecimal; gtid:SET, mariadb:LIST or file:NAME/OFFSET",
                         text);
    if (pos.end == 0)
        return error_set(err, ERROR_CONFIG, "E_POSITION", "0/0 is not a position in any log");
    *out = pos;
    return 0;
}
