/* fuzz_registry.c -- any bytes as a registry's answer, good or bad. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../schema/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    int32_t id = 0;
    char text[64];

    if (registry_parse_answer(bytes_of(data, size), &id, &err) == 0 ? id < 1
                                                                    : err.kind != ERROR_CONFIG)
        abort();
    registry_parse_complaint(bytes_of(data, size), text, sizeof(text));
    if (strlen(text) >= sizeof(text) || !bytes_utf8_valid(bytes_of_string(text)))
        abort();
    return 0;
}
