/*
 * fuzz_config.c -- any bytes as a configuration: taken or refused, with a place, never a crash.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cdc/config.h"
#include "cdc/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct config *config = NULL;
    struct encoder_settings settings;

    log_setup(LOG_ERROR, false);
    if (config_parse(&config, "f", bytes_of(data, size), &err) == -1) {
        if (config != NULL || (err.kind != ERROR_CONFIG && err.kind != ERROR_FATAL))
            abort();
        return 0;
    }
    for (int i = 0; i < config->nsinks; i++)
        config_encoder(config, i, "db", NULL, &settings);
    config_wants(&config->source, "public", "orders");
    config_free(config);
    return 0;
}
