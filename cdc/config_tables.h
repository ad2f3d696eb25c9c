/*
 * config_tables.h -- the option tables of config_tables.c, for the loader.
 */
#ifndef CDC_CONFIG_TABLES_H
#define CDC_CONFIG_TABLES_H

#include "cdc/option.h"

/* Where a sink's section begins; the type chooses the table of the rest. */
struct sink_head {
    const char *name;
    const char *type;
};

extern const struct option config_top_options[];    /* struct config */
extern const struct option config_section_names[];  /* no settings: keys that hold a section */
extern const struct option config_source_options[]; /* struct config_source */
extern const struct option config_head_options[];   /* struct sink_head */
extern const struct option config_sink_options[];   /* struct config_sink */
extern const struct option config_batch_options[];  /* struct config_batch */
extern const struct option config_log_options[];    /* struct config_log */

#endif
