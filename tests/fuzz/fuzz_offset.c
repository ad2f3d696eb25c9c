/*
 * fuzz_offset.c -- any bytes as an offset record: what is taken reads back the same when it is
 * written again; what is refused leaves the offset alone.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cdc/offset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct offset first, again;
    struct buffer text = {0};

    first.state = OFFSET_NONE;
    if (offset_decode(&first, bytes_of(data, size), &err) == -1) {
        if (err.kind != ERROR_REFUSED || first.state != OFFSET_NONE)
            abort();
        return 0;
    }
    offset_encode(&first, &text);
    if (offset_decode(&again, bytes_of(text.at, text.len), &err) == -1 ||
        again.state != first.state || !position_equal(&again.position, &first.position) ||
        strcmp(again.source.id, first.source.id) != 0 || again.epoch != first.epoch)
        abort();
    buffer_free(&text);
    return 0;
}
