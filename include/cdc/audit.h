/*
 * audit.h -- who moved what, when and why: append-only JSON lines, each with the hash (SHA-256) of
 * the line before it, so that a changed or missing line is found.
 *
 * audit_append is durable (fsync) when it returns; if it fails, the act it stands for must not be done.
 * audit_verify reads the whole file and names the first line that does not fit.
 */
#ifndef CDC_AUDIT_H
#define CDC_AUDIT_H

#include "cdc/error.h"

struct audit_entry {
    const char *pipeline;
    const char *sink;     /* "" when for all */
    const char *act;      /* "offsets set" */
    const char *before;   /* position as text */
    const char *after;
    const char *reason;
};

int audit_append(const char *path, const struct audit_entry *, struct error *err);
int audit_verify(const char *path, long *lines, struct error *err);

#endif
