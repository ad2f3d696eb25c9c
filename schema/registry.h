/*
 * registry.h -- a Confluent schema registry, or what speaks its REST API.
 *
 * registry_open makes an implementation of schemas.h; it connects nothing. register_schema
 * then asks POST /subjects/<subject>/versions (or POST /subjects/<subject> when it may only
 * look up), trying again for up to deadline_ms while the registry is away or busy.
 *
 * Errors: ERROR_RETRY E_REGISTRY_AWAY; ERROR_CONFIG E_SCHEMA_INCOMPATIBLE, E_SCHEMA_INVALID,
 * E_SCHEMA_UNKNOWN (look-up only), E_REGISTRY_AUTH, E_REGISTRY_TLS, E_REGISTRY_URL,
 * E_REGISTRY_ANSWER.
 *
 * Threads: one call at a time. Memory: settings are copied, secrets are wiped at close.
 */
#ifndef SCHEMA_REGISTRY_H
#define SCHEMA_REGISTRY_H

#include "cdc/bytes.h"
#include "cdc/schemas.h"

struct registry_settings {
    const char *url;           /* with any base path; user:password@ in it is allowed */
    const char *user;          /* NULL: none */
    const char *password_file; /* NULL: none */
    const char *token_file;    /* a bearer token; read again when the registry turns it down */
    const char *ca_file;       /* NULL: the system's */
    bool auto_register;        /* false: look up only */
    int64_t deadline_ms;       /* of one call, 0: 8 s */
};

int registry_open(struct schemas **out, const struct registry_settings *, struct error *err);

/* The id in a registry's answer; -1 with ERROR_CONFIG E_REGISTRY_ANSWER. Any bytes may come. */
int registry_parse_answer(struct bytes answer, int32_t *id, struct error *err);

/* The registry's own words ("message", and its error_code) in an answer that is not 2xx; the
 * beginning of the answer when it is no JSON. Always fills text; returns the code or 0. */
int registry_parse_complaint(struct bytes answer, char *text, size_t size);

#endif
