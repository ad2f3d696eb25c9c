/*
 * option.h -- the one place where an option is written down.
 *
 * A module has a table of rows: name, type, default, where it is stored, one line of help,
 * secret or not. The loader, the defaults, `rowferry help config`, the reference page and
 * redaction all read it.
 */
#ifndef CDC_OPTION_H
#define CDC_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "cdc/bytes.h"
#include "cdc/error.h"

enum option_type {
    OPTION_STRING,   /* const char * */
    OPTION_BOOL,     /* bool */
    OPTION_INT,      /* int64_t, min..max */
    OPTION_SIZE,     /* int64_t bytes: "16MiB", "64KiB", "1000" */
    OPTION_DURATION, /* int64_t milliseconds: "200ms", "10s", "5m", "2h" */
    OPTION_ENUM,     /* int: index in `words` */
    OPTION_LIST,     /* const char ** ending in NULL: a YAML list of strings, or one string */
    OPTION_MAP,      /* struct option_pair * ending in {NULL}: a YAML map of strings */
    OPTION_PATH,     /* const char *: a file that must be readable at start */
};

struct option_pair {
    const char *key;
    const char *value;
};

struct option {
    const char *name;
    enum option_type type;
    const char *fallback;     /* as text; NULL: empty or required */
    size_t offset;            /* in the settings struct */
    const char *help;
    bool required;
    bool secret;              /* never printed */
    int64_t min, max;         /* INT, SIZE, DURATION; both 0: no limit but >= 0 */
    const char *const *words; /* ENUM, ends in NULL */
};

/* Fill every row's default. -1 only when a default itself is wrong. */
int option_defaults(const struct option *table, void *settings, struct error *err);

/* Set one scalar row from text; strings are not copied (the document outlives the settings).
 * The error's text is without file and line: the loader adds them. */
int option_set(const struct option *row, void *settings, const char *text, struct error *err);

/* The row of that name, or NULL. */
const struct option *option_find(const struct option *table, const char *name);

/* The nearest name in the table, for "did you mean"; NULL if none is near. */
const char *option_nearest(const struct option *table, const char *name);

/* The reference: Markdown table, or plain text for the terminal. */
void option_document(const struct option *table, bool markdown, struct buffer *out);

/* "16MiB" and "200ms" both ways; -1 with ERROR_CONFIG. */
int option_parse_size(const char *text, int64_t *out, struct error *err);
int option_parse_duration(const char *text, int64_t *out_ms, struct error *err);

/* Glob match with * and ? only, no brackets; whole string. */
bool option_glob(const char *pattern, const char *text);

#endif
