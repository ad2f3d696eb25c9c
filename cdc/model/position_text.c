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

/* The piece of `text` behind the last `mark`, taken off it; false when there is none. */
static bool
take_last(struct bytes *text, char mark, struct bytes *piece)
{
    for (size_t i = text->len; i-- > 0;) {
        if (text->at[i] != (uint8_t)mark)
            continue;
        *piece = bytes_of(text->at + i + 1, text->len - i - 1);
        text->len = i;
        return true;
    }
    return false;
}

/* "binlog.000003" and its offset, divided by the mark. */
static bool
parse_file(struct bytes text, char mark, struct log_place *out)
{
    struct bytes pos;
    uint64_t at;

    return take_last(&text, mark, &pos) && parse_count(pos, &at) && log_place_parse(out, text, at) == 0;
}

static bool
parse_name(struct bytes text, enum gtid_kind kind, struct place *place)
{
    char name[TRANSACTION_TEXT_MAX];

    if (text.len == 0 || text.len >= sizeof(name))
        return false;
    memcpy(name, text.at, text.len);
    name[text.len] = 0;
    if (gtid_parse(&place->inside, name, NULL) == 0)
        return (place->inside.origin != NULL) == (kind == GTID_MYSQL);
    place->inside = (struct gtid){0};
    return parse_file(text, ':', &place->inside_at);
}

/* "TRANSACTION/EVENTS/ROWS/SERVER" */
static bool
parse_inside(struct bytes text, enum gtid_kind kind, struct position *pos)
{
    struct bytes server, rows, events;

    if (!take_last(&text, '/', &server) || !take_last(&text, '/', &rows) || !take_last(&text, '/', &events) ||
        server.len == 0 || server.len >= SERVER_NAME_MAX || memchr(server.at, '"', server.len) != NULL ||
        !parse_count(events, &pos->done) || !parse_count(rows, &pos->rows))
        return false;
    memcpy(pos->place->server, server.at, server.len);
    pos->open = 1;
    return parse_name(text, kind, pos->place);
}

/* What stands behind "gtid:", "mariadb:" (kind) or "file:" (0). */
static bool
parse_binlog(const char *p, int kind, struct position *pos, struct error *err)
{
    struct bytes text = bytes_of_string(p), inside, at;
    bool has_inside, good = true;
    char *set;

    *pos = (struct position){.kind = POSITION_BINLOG, .place = calloc(1, sizeof(*pos->place))};
    if (pos->place == NULL)
        return false;
    atomic_init(&pos->place->references, 1);
    has_inside = take_last(&text, '+', &inside);
    if (has_inside)
        good = parse_inside(inside, kind == 0 ? GTID_MYSQL : (enum gtid_kind)kind, pos);
    if (kind == 0)
        return good && parse_file(text, '/', &pos->place->at) &&
               (!has_inside || pos->place->inside_at.number != 0);
    if (take_last(&text, '@', &at))
        good = parse_file(at, '/', &pos->place->at) && good;
    set = good ? strndup((const char *)text.at, text.len) : NULL;
    good = set != NULL && gtid_set_parse(&pos->place->set, (enum gtid_kind)kind, set, err) == 0;
    free(set);
    return good;
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

        if (strncmp(text, binlogs[i].prefix, n) != 0)
            continue;
        if (parse_binlog(text + n, binlogs[i].kind, &pos, err)) {
            *out = pos;
            return 0;
        }
        position_clear(&pos);
        return error_set(err, ERROR_CONFIG, "E_POSITION",
                         "\"%.100s\" is not a position: expected gtid:SET, mariadb:LIST or file:NAME/OFFSET, "
                         "perhaps with @NAME/OFFSET and +TRANSACTION/EVENTS/ROWS/SERVER",
                         text);
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
