/* error.c -- see cdc/error.h. No state, any thread. */
#include "cdc/error.h"

#include <stdio.h>
#include <string.h>

int
error_set(struct error *err, enum error_kind kind, const char *code, const char *fmt, ...)
{
    va_list args;

    if (err == NULL)
        return -1;
    err->kind = kind;
    snprintf(err->code, sizeof(err->code), "%s", code);
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return -1;
}

int
error_prefix(struct error *err, const char *fmt, ...)
{
    char text[sizeof(err->text)];
    va_list args;
    int n;

    if (err == NULL)
        return -1;
    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof(text))
        n = (int)sizeof(text) - 1;
    snprintf(text + n, sizeof(text) - (size_t)n, "%s", err->text);
    memcpy(err->text, text, sizeof(text));
    return -1;
}

const char *
error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {"none",    "retry",  "rewind", "data",
                                        "config", "refused", "fenced", "fatal"};
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

int
error_exit_status(const struct error *err)
{
    switch (err->kind) {
    case ERROR_NONE:
        return 0;
    case ERROR_CONFIG:
        return 2;
    case ERROR_RETRY:
        return 3;
    case ERROR_REFUSED:
        return 4;
    case ERROR_REWIND:
    case ERROR_DATA:
    case ERROR_FENCED:
    case ERROR_FATAL:
        break;
    }
    return 1;
}
