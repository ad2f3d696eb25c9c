/*
 * fuzz_canonical.c -- any bytes as what a server writes of a value, brought into its canonical text.
 *
 * u8 enum value_type, u8 enum canonical_form, u8 flags; the value. Nothing may crash; and the canonical text of a number, a
 * time, a UUID or a JSON, read again, must be itself, or equal values could differ.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../cdc/verify/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_its_own(const struct canonical *how)
{
    switch (how->type) {
    case TYPE_INT64:
    case TYPE_NUMERIC:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
    case TYPE_TIME:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_VECTOR:
        return true;
    default:
        return false;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buffer once, twice;
    struct cursor in = cursor_of(bytes_of(data, size));
    struct canonical how = {.type = cursor_u8(&in) % (TYPE_VECTOR + 1)};
    enum canonical_form form = cursor_u8(&in) % (FORM_EWKB + 1);
    uint8_t flags = cursor_u8(&in);

    how.padded = flags & 1;
    how.json_doubles = flags & 2;
    how.wkb_only = flags & 4;
    buffer_reset(&once);
    buffer_reset(&twice);
    canonical_put(&how, form, cursor_bytes(&in, cursor_left(&in)), &once);
    if (!is_its_own(&how))
        return 0;
    canonical_put(&how, FORM_TEXT, bytes_of(once.at, once.len), &twice);
    if (!bytes_equal(bytes_of(once.at, once.len), bytes_of(twice.at, twice.len))) {
        fprintf(stderr, "type %d: %.*s and then %.*s\n", how.type, (int)once.len, (char *)once.at, (int)twice.len, (char *)twice.at);
        abort();
    }
    return 0;
}
