/* sinks.c -- every sink there is: a new one is added here and nowhere else. */
#include "cdc/sink.h"

const struct sink_ops *const sinks_all[] = {
    &sink_kafka, &sink_postgresql, &sink_mysql, &sink_mariadb, &sink_stdout, &sink_null, &sink_memory, NULL,
};
