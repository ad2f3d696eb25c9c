/* canonical.c -- see canonical.h. */
#include "canonical.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cdc/json.h"

#define MICROS_PER_SECOND INT64_C(1000000)
enum { NUMBER_MAX = 128, UUID_DIGITS = 32, DAYS_MAX = 10000000 };

static void
put_bytes(struct buffer *out, struct bytes b)
{
    buffer_put(out, b.at, b.len);
}

static bool
is_word(struct bytes text, const char *word)
{
    return bytes_equal(text, bytes_of_string(word));
}

/* ---- hexadecimal ---- */

static void
put_hex(struct buffer *out, struct bytes raw)
{
    uint8_t *to = raw.len > 0 ? buffer_room(out, 2 * raw.len) : NULL;

    if (to == NULL)
        return;
    for (size_t i = 0; i < raw.len; i++) {
        *to++ = (uint8_t)"0123456789abcdef"[raw.at[i] >> 4];
        *to++ = (uint8_t)"0123456789abcdef"[raw.at[i] & 15];
    }
    out->len += 2 * raw.len;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
canonical_unhex(struct bytes digits, struct buffer *out)
{
    size_t before = out->len;

    for (size_t i = 0; i + 1 < digits.len; i += 2) {
        int high = hex_digit(digits.at[i]), low = hex_digit(digits.at[i + 1]);

        if (high < 0 || low < 0)
            break;
        buffer_put_u8(out, (uint8_t)(high << 4 | low));
    }
    if (out->len - before == digits.len / 2 && digits.len % 2 == 0)
        return true;
    out->len = before;
    return false;
}

/* ---- numbers ---- */

/* [-]digits[.digits], or a word for what is no number. */
static void
put_decimal(struct buffer *out, struct bytes text)
{
    const uint8_t *at = text.at, *end = at + text.len, *whole, *point, *last;
    bool negative = at < end && *at == '-';

    at += at < end && (*at == '-' || *at == '+');
    for (whole = at; at < end && isdigit(*at);)
        at++;
    point = last = at;
    if (at < end && *at == '.') {
        for (at++; at < end && isdigit(*at); at++)
            last = *at != '0' ? at + 1 : last;
    }
    if (at < end || at == whole) {
        put_bytes(out, text);
        return;
    }
    while (whole < point && *whole == '0')
        whole++;
    if (negative && (whole < point || last > point))
        buffer_put_u8(out, '-');
    if (whole == point)
        buffer_put_u8(out, '0');
    buffer_put(out, whole, (size_t)(last - whole));
}

/* MySQL's booleans are numbers to it, and may be booleans in a target. */
static void
put_number(struct buffer *out, struct bytes text)
{
    if (is_word(text, "t") || is_word(text, "f"))
        buffer_put_u8(out, text.at[0] == 't' ? '1' : '0');
    else
        put_decimal(out, text);
}

static bool
read_double(struct bytes text, double *out)
{
    char copy[NUMBER_MAX], *end;

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    *out = strtod(copy, &end);
    return *end == 0;
}

static void
put_float(struct buffer *out, struct bytes text, bool single)
{
    double v;

    if (!read_double(text, &v)) {
        put_bytes(out, text);
        return;
    }
    if (single)
        v = (double)(float)v;
    if (isnan(v))
        buffer_put_string(out, "NaN");
    else if (isinf(v))
        buffer_put_string(out, v < 0 ? "-Infinity" : "Infinity");
    else if (single)
        json_float(out, v == 0 ? 0 : (float)v);
    else
        json_double(out, v == 0 ? 0 : v);
}

static void
put_bool(struct buffer *out, struct bytes text, bool raw)
{
    bool yes = is_word(text, "t") || is_word(text, "true") || is_word(text, "1");
    bool no = is_word(text, "f") || is_word(text, "false") || is_word(text, "0");

    if (raw && text.len == 1 && text.at[0] <= 1) {
        yes = text.at[0] == 1;
        no = !yes;
    }
    if (yes || no)
        buffer_put_string(out, yes ? "true" : "false");
    else
        put_bytes(out, text);
}

/* Most significant bit first, from bytes or digits. */
static void
put_bits(struct buffer *out, struct bytes bits, bool raw)
{
    size_t n = raw ? 8 * bits.len : bits.len, before = out->len;

    for (size_t i = 0; !raw && i < n; i++) {
        if (bits.at[i] != '0' && bits.at[i] != '1') {
            put_bytes(out, bits);
            return;
        }
    }
    for (size_t i = 0; i < n; i++) {
        bool one = raw ? (bits.at[i / 8] >> (7 - i % 8) & 1) != 0 : bits.at[i] == '1';

        if (one || out->len > before)
            buffer_put_u8(out, one ? '1' : '0');
    }
    if (out->len == before)
        buffer_put_u8(out, '0');
}

/* ---- times ---- */

static bool
take_number(struct cursor *in, int64_t *out)
{
    const uint8_t *from = in->at;

    for (*out = 0; in->at < in->end && isdigit(*in->at) && in->at - from < 9; in->at++)
        *out = *out * 10 + (*in->at - '0');
    return in->at > from;
}

static bool
take_char(struct cursor *in, char c)
{
    bool there = in->at < in->end && *in->at == (uint8_t)c;

    in->at += there;
    return there;
}

/* [-]H:MM:SS[.ffffff], after "N days" in an interval of PostgreSQL. */
static bool
take_clock(struct cursor *in, int64_t *micros)
{
    bool negative = take_char(in, '-');
    int64_t hours, minutes, seconds, fraction = 0, unit = MICROS_PER_SECOND;

    if (!negative)
        take_char(in, '+');
    if (!take_number(in, &hours) || !take_char(in, ':') || !take_number(in, &minutes) || !take_char(in, ':') ||
        !take_number(in, &seconds))
        return false;
    if (take_char(in, '.')) {
        for (; in->at < in->end && isdigit(*in->at); in->at++) {
            unit /= 10;
            fraction += (*in->at - '0') * unit;
        }
    }
    *micros += (negative ? -1 : 1) * (((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + fraction);
    return true;
}

static bool
take_days(struct cursor *in, int64_t *micros)
{
    struct cursor ahead = *in;
    bool negative = take_char(&ahead, '-');
    int64_t days;

    if (!take_number(&ahead, &days) || days > DAYS_MAX || !take_char(&ahead, ' ') || !take_char(&ahead, 'd') || !take_char(&ahead, 'a') ||
        !take_char(&ahead, 'y'))
        return false;
    take_char(&ahead, 's');
    take_char(&ahead, ' ');
    *micros += (negative ? -1 : 1) * days * 86400 * MICROS_PER_SECOND;
    *in = ahead;
    return true;
}

/* ".5" for 500,000 microseconds, nothing for 0. */
static void
put_fraction(struct buffer *out, int64_t micros)
{
    if (micros == 0)
        return;
    buffer_printf(out, ".%06" PRId64, micros);
    while (!buffer_failed(out) && out->at[out->len - 1] == '0')
        out->len--;
}

static void
put_time(struct buffer *out, struct bytes text)
{
    struct cursor in = cursor_of(text);
    int64_t micros = 0, amount, seconds;
    bool days = take_days(&in, &micros);

    if ((!take_clock(&in, &micros) && !(days && in.at == in.end)) || in.at < in.end) {
        put_bytes(out, text);
        return;
    }
    amount = micros < 0 ? -micros : micros;
    seconds = amount / MICROS_PER_SECOND;
    buffer_printf(out, "%s%02" PRId64 ":%02" PRId64 ":%02" PRId64, micros < 0 ? "-" : "", seconds / 3600,
                  seconds / 60 % 60, seconds % 60);
    put_fraction(out, amount % MICROS_PER_SECOND);
}

/* Sessions are in UTC, so the only zone is +00. */
static void
put_timestamp(struct buffer *out, struct bytes text)
{
    static const char *const zones[] = {"+00:00", "+00", "Z"};
    struct bytes era = bytes_of("", 0);
    bool fraction;

    if (text.len > 3 && memcmp(text.at + text.len - 3, " BC", 3) == 0) {
        era = bytes_of(text.at + text.len - 3, 3);
        text.len -= 3;
    }
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        size_t len = strlen(zones[i]);

        if (text.len > len && memcmp(text.at + text.len - len, zones[i], len) == 0) {
            text.len -= len;
            break;
        }
    }
    fraction = text.len > 0 && memchr(text.at, '.', text.len) != NULL;
    while (fraction && text.at[text.len - 1] == '0')
        text.len--;
    if (fraction && text.at[text.len - 1] == '.')
        text.len--;
    put_bytes(out, text);
    put_bytes(out, era);
}

/* ---- others ---- */

static void
put_uuid(struct buffer *out, struct bytes text, bool raw)
{
    uint8_t digits[UUID_DIGITS];
    size_t n = 0;

    if (raw && text.len == UUID_DIGITS / 2) {
        struct buffer hex = {0};

        put_hex(&hex, text);
        if (!buffer_failed(&hex))
            put_uuid(out, bytes_of(hex.at, hex.len), false);
        buffer_free(&hex);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '-')
            continue;
        if (n == UUID_DIGITS || hex_digit(text.at[i]) < 0) {
            put_bytes(out, text);
            return;
        }
        digits[n++] = (uint8_t)tolower(text.at[i]);
    }
    if (n < UUID_DIGITS) {
        put_bytes(out, text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            buffer_put_u8(out, '-');
        buffer_put_u8(out, digits[i]);
    }
}

static void
put_text(struct buffer *out, struct bytes text, bool padded)
{
    while (padded && text.len > 0 && text.at[text.len - 1] == ' ')
        text.len--;
    put_bytes(out, text);
}

static void
put_raw_vector(struct buffer *out, struct bytes raw)
{
    struct cursor in = cursor_of(raw);

    buffer_put_u8(out, '[');
    for (bool first = true; cursor_left(&in) >= 4; first = false) {
        uint32_t bits = cursor_le32(&in);
        float v;

        memcpy(&v, &bits, sizeof(v));
        if (!first)
            buffer_put_u8(out, ',');
        json_float(out, v == 0 ? 0 : v);
    }
    buffer_put_u8(out, ']');
}

/* "[1, 2.5]", or as an array of PostgreSQL. */
static void
put_vector(struct buffer *out, struct bytes text)
{
    size_t from = 1;

    if (text.len < 2 || (text.at[0] != '[' && text.at[0] != '{')) {
        put_bytes(out, text);
        return;
    }
    buffer_put_u8(out, '[');
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == ' ' && i == from)
            from++;
        if (text.at[i] != ',' && i + 1 < text.len)
            continue;
        if (i > from)
            put_float(out, bytes_of(text.at + from, i - from), true);
        buffer_put_u8(out, i + 1 < text.len ? ',' : ']');
        from = i + 1;
    }
}

static void
put_geometry(struct buffer *out, struct bytes raw, bool with_srid, bool wkb_only)
{
    struct cursor in = cursor_of(raw);
    uint32_t srid = with_srid ? cursor_le32(&in) : 0;

    if (!wkb_only)
        buffer_printf(out, "%" PRIu32 ";", srid);
    put_hex(out, bytes_of(in.at, cursor_left(&in)));
}

/* u8 order, u32 type with a flag, u32 SRID if the flag is set, and what follows in WKB. */
static void
put_ewkb(struct buffer *out, struct bytes ewkb, bool wkb_only)
{
    enum { HAS_SRID = 0x20000000 };
    struct cursor in = cursor_of(ewkb);
    uint8_t order = cursor_u8(&in);
    uint32_t type = order == 1 ? cursor_le32(&in) : cursor_be32(&in), srid = 0;
    uint8_t head[5] = {order};

    if (type & HAS_SRID)
        srid = order == 1 ? cursor_le32(&in) : cursor_be32(&in);
    type &= ~(uint32_t)HAS_SRID;
    if (order != 1)
        type = __builtin_bswap32(type);
    memcpy(head + 1, &type, sizeof(type));
    if (!wkb_only)
        buffer_printf(out, "%" PRIu32 ";", srid);
    put_hex(out, bytes_of(head, sizeof(head)));
    put_hex(out, bytes_of(in.at, cursor_left(&in)));
}

/* ---- all of them ---- */

static void
put_known(const struct canonical *how, struct bytes v, enum canonical_form form, struct buffer *out)
{
    bool raw = form != FORM_TEXT;

    switch (how->type) {
    case TYPE_BOOL:
        put_bool(out, v, raw);
        break;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
    case TYPE_YEAR:
        put_number(out, v);
        break;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        put_float(out, v, how->type == TYPE_FLOAT32);
        break;
    case TYPE_BYTES:
        put_hex(out, v);
        break;
    case TYPE_UUID:
        put_uuid(out, v, raw);
        break;
    case TYPE_JSON:
        if (!canonical_json_put(v, how->json_doubles, out))
            put_bytes(out, v);
        break;
    case TYPE_TIME:
        put_time(out, v);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        put_timestamp(out, v);
        break;
    case TYPE_BITS:
        put_bits(out, v, raw);
        break;
    case TYPE_GEOMETRY:
    case TYPE_POINT:
        if (form == FORM_EWKB)
            put_ewkb(out, v, how->wkb_only);
        else if (raw)
            put_geometry(out, v, form == FORM_GEOMETRY, how->wkb_only);
        else
            put_bytes(out, v);
        break;
    case TYPE_VECTOR:
        if (raw)
            put_raw_vector(out, v);
        else
            put_vector(out, v);
        break;
    case TYPE_DATE:
    case TYPE_TEXT:
    case TYPE_ENUM:
    case TYPE_SET:
    case TYPE_OTHER:
        put_text(out, v, how->padded);
        break;
    }
}

/* The digits of a form that is written in them. */
static bool
take_digits(enum canonical_form form, struct bytes *written)
{
    size_t prefix = form == FORM_HEX ? 2 : 0;

    if ((form != FORM_HEX && form != FORM_EWKB) || written->len < prefix || memcmp(written->at, "\\x", prefix) != 0)
        return false;
    *written = bytes_of(written->at + prefix, written->len - prefix);
    return true;
}

void
canonical_put(const struct canonical *how, enum canonical_form form, struct bytes written, struct buffer *out)
{
    struct bytes digits = written;
    struct buffer raw = {0};

    if (take_digits(form, &digits) && canonical_unhex(digits, &raw))
        put_known(how, bytes_of(buffer_cstr(&raw), raw.len), form == FORM_HEX ? FORM_RAW : form, out);
    else
        put_known(how, written, form == FORM_HEX || form == FORM_EWKB ? FORM_TEXT : form, out);
    if (buffer_failed(&raw))
        out->failed = true;
    buffer_free(&raw);
}
