/*
 * config_encoder.c -- a sink's section to what its encoder wants to know.
 *
 * The pipeline and `rowferry schema` both come here, so that the schemas that are printed are the
 * ones that will be registered.
 */
#include <assert.h>

#include "config_walk.h"

int
config_encoder(const struct config *config, int sink, const char *database, struct schemas *schemas,
               struct encoder_settings *out)
{
    const struct config_sink *wanted;
    assert(sink >= 0 && sink < config->nsinks);
    wanted = &config->sinks[sink];
    /* The encoder keeps the pointer, and the caller's text may be on a stack. */
    database = config_keep(config, database);
    if (database == NULL)
        return -1;
    *out = (struct encoder_settings){
        .format = (enum format)wanted->format,
        .envelope = (enum envelope)wanted->envelope,
        .tombstones = wanted->tombstones,
        .truncate = (enum truncate_policy)wanted->truncate,
        .line = wanted->ops == &sink_stdout,
        .pipeline = config->pipeline,
        .connector = (enum connector)config->source.type,
        .database = database,
        .schema_changes = config->source.schema_changes[0] != '\0' && wanted->format != FORMAT_ROW
                              ? config->source.schema_changes
                              : NULL,
        .topic = wanted->topic,
        .keys = wanted->keys,
        .schemas = wanted->format == FORMAT_AVRO ? schemas : NULL,
    };
    return 0;
}
