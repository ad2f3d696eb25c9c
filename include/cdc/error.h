/*
 * error.h -- what went wrong as a sentence, and what to do about it as a kind.
 *
 * A function that can fail returns 0 or -1 and takes `struct error *err` last. The kind
 * is the whole answer to "what now?"; nobody decodes texts or numbers. The code is a
 * name from the runbooks (docs/errors.md): "E_GAP"; it may be empty. The text is a
 * sentence with the table, the position and the cause in it.
 *
 * Threads: an error belongs to its caller. Memory: no allocation; texts are cut at 512 bytes.
 */
#ifndef CDC_ERROR_H
#define CDC_ERROR_H

#include <stdarg.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_RETRY,    /* the same call again, after a pause: a server is away */
    ERROR_REWIND,   /* outcome unknown: fence, ask for the position, go on from there */
    ERROR_DATA,     /* this change can never pass; the sink's policy decides */
    ERROR_CONFIG,   /* the operator must change something; exit status 2 */
    ERROR_REFUSED,  /* going on would lose or repeat data (E_GAP and its kin); exit status 4 */
    ERROR_FENCED,   /* another instance has taken over; stop, do not fight */
    ERROR_FATAL,    /* a broken promise or no memory; exit status 1 */
};

struct error {
    enum error_kind kind;
    char code[32];
    char text[512];
};

#define ERROR_INIT {ERROR_NONE, "", ""}

/* Fill *err (NULL is allowed) and return -1, so that a failing line is one line. */
int error_set(struct error *err, enum error_kind kind, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put a prefix ("table public.x: ") before the text that is there. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "retry", "data", ... for logs. */
const char *error_kind_name(enum error_kind kind);

/* The exit status that a command ends with after this error (0 done, 1 no, 2 usage or
 * configuration, 3 a server can't be reached, 4 refused to protect data). */
int error_exit_status(const struct error *err);

#endif
