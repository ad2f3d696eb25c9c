/*
 * pipeline.h -- one source and its sinks, run until stopped.
 *
 * pipeline_run returns when asked to stop (0), or when something needs a person (-1 and *err). What heals
 * by itself (a server away, an unknown outcome) it deals with.
 *
 * Threads: pipeline_stop may be called from any thread; the rest from one.
 */
#ifndef CDC_PIPELINE_H
#define CDC_PIPELINE_H

#include "cdc/catalog.h"
#include "cdc/config.h"
#include "cdc/decoder.h"
#include "cdc/source.h"
#include "cdc/transform.h"

struct pipeline_parts {
    const struct config *config; /* names, batch and sink options */
    struct source *source;
    const struct decoder_ops *decoder;
    struct catalog *catalog;
    struct sink **sinks;           /* config->nsinks of them */
    struct encoder **encoders;     /* the same */
    struct transform **transforms; /* ends in NULL; or NULL */
};

struct pipeline;

struct pipeline *pipeline_new(const struct pipeline_parts *, struct error *err);
int pipeline_run(struct pipeline *, struct error *err);
/* Drain what has been read, then return. A second call gives up draining. */
void pipeline_stop(struct pipeline *);
void pipeline_free(struct pipeline *);

#endif
