/*
 * option.c -- text to settings by a table of rows, and the same table to a reference page.
 *
 * Nothing here knows of YAML: the loader walks the document and hands one text at a time to
 * option_set. Lists and maps need memory, which the loader has and this file has not, so they
 * are only set to "empty" here.
 *
 * Texts come from a file that an operator wrote: control characters are refused everywhere, so
 * that no name can later forge a log line or move a terminal's cursor.
 */
#include "cdc/option.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { NAME_MAX_NEAREST = 64 };

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {NULL, 0},
};

static void *
field(const struct option *row, void *settings)
{
    return (char *)settings + row->offset;
}

/* Decimal digits only: strtoll's blanks, signs and hexadecimal are surprises in a file. */
static const char *
parse_digits(const char *text, int64_t *out, bool *overflow)
{
    int64_t v = 0;
    *overflow = false;
    while (*text >= '0' && *text <= '9') {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *text - '0', &v))
            *overflow = true;
        text++;
    }
    *out = v;
    return text;
}

static int
parse_units(const char *text, const struct unit *units, const char *example, int64_t *out,
            struct error *err)
{
    int64_t v;
    bool overflow;
    const char *rest = parse_digits(text, &v, &overflow);
    if (rest == text)
        return error_set(err, ERROR_CONFIG, "", "\"%.40s\" is not a number with a unit (%s)", text,
                         example);
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strcmp(rest, u->name) != 0)
            continue;
        if (overflow || __builtin_mul_overflow(v, u->factor, &v))
            return error_set(err, ERROR_CONFIG, "", "\"%.40s\" is too large", text);
        *out = v;
        return 0;
    }
    return error_set(err, ERROR_CONFIG, "", "\"%.40s\" needs a known unit (%s)", text, example);
}

int
option_parse_size(const char *text, int64_t *out, struct error *err)
{
    return parse_units(text, sizes, "1000, 64KiB, 16MiB, 2GiB", out, err);
}

int
option_parse_duration(const char *text, int64_t *out_ms, struct error *err)
{
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return 0;
    }
    return parse_units(text, durations, "200ms, 10s, 5m, 2h, 1d", out_ms, err);
}

static int
parse_int(const char *text, int64_t *out, struct error *err)
{
    bool negative = text[0] == '-', overflow;
    const char *digits = text + negative;
    const char *rest = parse_digits(digits, out, &overflow);
    if (rest == digits || *rest != '\0')
        return error_set(err, ERROR_CONFIG, "", "\"%.40s\" is not a whole number", text);
    if (overflow)
        return error_set(err, ERROR_CONFIG, "", "\"%.40s\" is too large", text);
    if (negative)
        *out = -*out;
    return 0;
}

static const char *
bound_text(const struct option *row, int64_t v, char *out, size_t len)
{
    if (row->type == OPTION_DURATION)
        snprintf(out, len, "%lldms", (long long)v);
    else
        snprintf(out, len, "%lld", (long long)v);
    return out;
}

static int
check_bounds(const struct option *row, int64_t v, struct error *err)
{
    char bound[32];
    if (v < row->min)
        return error_set(err, ERROR_CONFIG, "", "must be at least %s",
                         bound_text(row, row->min, bound, sizeof(bound)));
    if (row->max != 0 && v > row->max)
        return error_set(err, ERROR_CONFIG, "", "must be at most %s",
                         bound_text(row, row->max, bound, sizeof(bound)));
    return 0;
}

static int
set_number(const struct option *row, void *settings, const char *text, struct error *err)
{
    int64_t v = 0;
    int rc;
    if (row->type == OPTION_SIZE)
        rc = option_parse_size(text, &v, err);
    else if (row->type == OPTION_DURATION)
        rc = option_parse_duration(text, &v, err);
    else
        rc = parse_int(text, &v, err);
    if (rc == -1 || check_bounds(row, v, err) == -1)
        return -1;
    *(int64_t *)field(row, settings) = v;
    return 0;
}

/* YAML's yes, no, on and off mean something else in every other file: not taken. */
static int
set_bool(const struct option *row, void *settings, const char *text, struct error *err)
{
    bool *out = field(row, settings);
    if (strcmp(text, "true") == 0)
        *out = true;
    else if (strcmp(text, "false") == 0)
        *out = false;
    else
        return error_set(err, ERROR_CONFIG, "", "\"%.40s\" must be true or false", text);
    return 0;
}

static int
set_enum(const struct option *row, void *settings, const char *text, struct error *err)
{
    char known[200] = "";
    size_t used = 0;
    for (int i = 0; row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *(int *)field(row, settings) = i;
            return 0;
        }
        int n =
            snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", row->words[i]);
        if (n > 0 && used + (size_t)n < sizeof(known))
            used += (size_t)n;
    }
    return error_set(err, ERROR_CONFIG, "", "\"%.40s\" is not one of: %s", text, known);
}

static int
refuse_controls(const char *text, struct error *err)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            return error_set(err, ERROR_CONFIG, "", "has a control character (0x%02x) in it", *p);
    }
    return 0;
}

int
option_set(const struct option *row, void *settings, const char *text, struct error *err)
{
    if (refuse_controls(text, err) == -1)
        return -1;
    switch (row->type) {
    case OPTION_BOOL:
        return set_bool(row, settings, text, err);
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION:
        return set_number(row, settings, text, err);
    case OPTION_ENUM:
        return set_enum(row, settings, text, err);
    case OPTION_PATH:
        if (access(text, R_OK) == -1)
            return error_set(err, ERROR_CONFIG, "", "%.200s: %s", text, strerror(errno));
        break;
    case OPTION_STRING:
        break;
    case OPTION_LIST:
        return error_set(err, ERROR_CONFIG, "", "must be a list");
    case OPTION_MAP:
        return error_set(err, ERROR_CONFIG, "", "must be a map");
    }
    *(const char **)field(row, settings) = text;
    return 0;
}

/* What a row holds when the file says nothing and the table has no text for it. */
static void
clear(const struct option *row, void *settings)
{
    switch (row->type) {
    case OPTION_BOOL:
        *(bool *)field(row, settings) = false;
        break;
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION:
        *(int64_t *)field(row, settings) = 0;
        break;
    case OPTION_ENUM:
        *(int *)field(row, settings) = 0;
        break;
    case OPTION_STRING:
    case OPTION_PATH:
        *(const char **)field(row, settings) = NULL;
        break;
    case OPTION_LIST:
        *(const char ***)field(row, settings) = NULL;
        break;
    case OPTION_MAP:
        *(struct option_pair **)field(row, settings) = NULL;
        break;
    }
}

int
option_defaults(const struct option *table, void *settings, struct error *err)
{
    for (const struct option *row = table; row->name != NULL; row++) {
        clear(row, settings);
        if (row->fallback == NULL || row->type == OPTION_LIST || row->type == OPTION_MAP)
            continue;
        if (option_set(row, settings, row->fallback, err) == -1)
            return error_prefix(err, "default of %s: ", row->name);
    }
    return 0;
}

const struct option *
option_find(const struct option *table, const char *name)
{
    for (const struct option *row = table; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a to b (Levenshtein, with swapped neighbours as one), two rows at a time. */
static size_t
distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_NEAREST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t na = strlen(a), nb = strlen(b);
    if (na > NAME_MAX_NEAREST || nb > NAME_MAX_NEAREST)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[nb];
}

/* Near: at most a third of the letters wrong. Beyond that a guess helps nobody. */
const char *
option_nearest(const struct option *table, const char *name)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (const struct option *row = table; row->name != NULL; row++) {
        size_t d = distance(name, row->name);
        size_t longer = strlen(row->name) > strlen(name) ? strlen(row->name) : strlen(name);
        if (d < best_distance && d * 3 <= longer + 1) {
            best = row->name;
            best_distance = d;
        }
    }
    return best;
}

/* Whole-string match; backtracks to the last star only, so it is never worse than
 * pattern times text. */
bool
option_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static const char *
type_name(const struct option *row)
{
    switch (row->type) {
    case OPTION_STRING:
        return "text";
    case OPTION_BOOL:
        return "true or false";
    case OPTION_INT:
        return "number";
    case OPTION_SIZE:
        return "size";
    case OPTION_DURATION:
        return "duration";
    case OPTION_ENUM:
        return "one of";
    case OPTION_LIST:
        return "list";
    case OPTION_MAP:
        return "map";
    case OPTION_PATH:
        return "file";
    }
    return "";
}

static void
document_type(const struct option *row, const char *separator, struct buffer *out)
{
    if (row->type != OPTION_ENUM) {
        buffer_put_string(out, type_name(row));
        return;
    }
    for (int i = 0; row->words[i] != NULL; i++)
        buffer_printf(out, "%s%s", i > 0 ? separator : "", row->words[i]);
}

static bool
has_default(const struct option *row)
{
    return row->fallback != NULL && row->fallback[0] != '\0';
}

static const char *
default_text(const struct option *row)
{
    if (row->required)
        return "required";
    return has_default(row) ? row->fallback : "none";
}

static void
document_markdown(const struct option *row, struct buffer *out)
{
    bool literal = !row->required && has_default(row);
    buffer_printf(out, "| `%s` | ", row->name);
    document_type(row, ", ", out);
    buffer_printf(out, " | %s%s%s | %s%s |\n", literal ? "`" : "", default_text(row),
                  literal ? "`" : "", row->help, row->secret ? " Never printed." : "");
}

static void
document_text(const struct option *row, struct buffer *out)
{
    buffer_printf(out, "  %s (", row->name);
    document_type(row, " | ", out);
    if (row->required)
        buffer_put_string(out, ", required");
    else if (has_default(row))
        buffer_printf(out, ", default %s", row->fallback);
    buffer_printf(out, "%s)\n      %s\n", row->secret ? ", never printed" : "", row->help);
}

void
option_document(const struct option *table, bool markdown, struct buffer *out)
{
    if (markdown && table->name != NULL)
        buffer_put_string(out, "| key | type | default | what it does |\n|---|---|---|---|\n");
    for (const struct option *row = table; row->name != NULL; row++) {
        if (markdown)
            document_markdown(row, out);
        else
            document_text(row, out);
    }
}
