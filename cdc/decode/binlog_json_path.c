/* binlog_json_path.c -- see binlog_json_path.h. Pure; any thread. */
#include "binlog_json_path.h"

/* ---- quoted names ---- */

static unsigned
hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* Four hexadecimal digits; above 0xffff when they are none. */
static uint32_t
take_hex(struct cursor *in)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        unsigned digit = hex_of(cursor_u8(in));
        if (digit > 15)
            return UINT32_MAX;
        v = v << 4 | digit;
    }
    return v;
}

static uint8_t *
store_utf8(uint8_t *at, uint32_t c)
{
    if (c < 0x80) {
        *at++ = (uint8_t)c;
        return at;
    }
    if (c < 0x800) {
        *at++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *at++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *at++ = (uint8_t)(0xf0 | c >> 18);
            *at++ = (uint8_t)(0x80 | (c >> 12 & 63));
        }
        *at++ = (uint8_t)(0x80 | (c >> 6 & 63));
    }
    *at++ = (uint8_t)(0x80 | (c & 63));
    return at;
}

/* What follows "\u", with its second half where it is a pair; NULL when it is no character. */
static uint8_t *
store_unicode(uint8_t *at, struct cursor *in)
{
    uint32_t c = take_hex(in);

    if (c >= 0xd800 && c < 0xdc00) {
        const uint8_t *next = cursor_take(in, 2);
        uint32_t low = next != NULL && next[0] == '\\' && next[1] == 'u' ? take_hex(in) : 0;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c > 0xffff || (c >= 0xdc00 && c < 0xe000)) {
        return NULL;
    }
    return store_utf8(at, c);
}

static uint8_t *
store_escaped(uint8_t *at, struct cursor *in)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint8_t c = cursor_u8(in);
    const char *found = c == 0 ? NULL : strchr(escapes, c);

    if (c == 'u')
        return store_unicode(at, in);
    if (found == NULL)
        return NULL;
    *at++ = (uint8_t)meanings[found - escapes];
    return at;
}

/* An escape is never shorter than what it stands for. */
static enum binlog_json_step
unescape(struct bytes text, struct arena *arena, struct bytes *out)
{
    struct cursor in = cursor_of(text);
    uint8_t *from = arena_alloc(arena, text.len), *at = from;

    if (from == NULL)
        return PATH_NO_MEMORY;
    while (cursor_left(&in) > 0) {
        uint8_t c = cursor_u8(&in);
        if (c == '\\')
            at = store_escaped(at, &in);
        else
            *at++ = c;
        if (at == NULL)
            return PATH_BAD;
    }
    *out = bytes_of(from, (size_t)(at - from));
    return PATH_LEG;
}

static enum binlog_json_step
quoted_name(struct cursor *in, struct arena *arena, struct bytes *out)
{
    const uint8_t *from = in->at;
    bool escaped = false;
    uint8_t c;

    while ((c = cursor_u8(in)) != '"') {
        if (c == '\\') {
            escaped = true;
            cursor_u8(in);
        }
        if (cursor_short(in))
            return PATH_BAD;
    }
    *out = bytes_of(from, (size_t)(in->at - 1 - from));
    return escaped ? unescape(*out, arena, out) : PATH_LEG;
}

/* ---- legs ---- */

static enum binlog_json_step
member_leg(struct cursor *in, struct arena *arena, struct binlog_json_leg *leg)
{
    const uint8_t *from = in->at;

    leg->is_member = true;
    if (in->at < in->end && *in->at == '"') {
        in->at++;
        return quoted_name(in, arena, &leg->key);
    }
    while (in->at < in->end && *in->at != '.' && *in->at != '[')
        in->at++;
    leg->key = bytes_of(from, (size_t)(in->at - from));
    return leg->key.len == 0 ? PATH_BAD : PATH_LEG;
}

static bool
take_number(struct cursor *in, uint64_t *out)
{
    const uint8_t *from = in->at;

    for (*out = 0; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        *out = *out * 10 + (*in->at - '0');
        if (*out > UINT32_MAX)
            return false;
    }
    return in->at > from;
}

static enum binlog_json_step
cell_leg(struct cursor *in, struct binlog_json_leg *leg)
{
    if (cursor_left(in) >= 4 && memcmp(in->at, "last", 4) == 0) {
        leg->from_end = true;
        in->at += 4;
        if (in->at < in->end && *in->at == '-') {
            in->at++;
            if (!take_number(in, &leg->index))
                return PATH_BAD;
        }
    } else if (!take_number(in, &leg->index)) {
        return PATH_BAD;
    }
    return cursor_u8(in) == ']' ? PATH_LEG : PATH_BAD;
}

bool
binlog_json_path(struct bytes path, struct cursor *in)
{
    *in = cursor_of(path);
    return cursor_u8(in) == '$';
}

enum binlog_json_step
binlog_json_leg(struct cursor *in, struct arena *arena, struct binlog_json_leg *leg)
{
    *leg = (struct binlog_json_leg){0};
    if (in->at == in->end)
        return PATH_END;
    switch (cursor_u8(in)) {
    case '.':
        return member_leg(in, arena, leg);
    case '[':
        return cell_leg(in, leg);
    default:
        return PATH_BAD;
    }
}
