/*
 * fuzz_values.c -- any bytes as one value of any type, text or binary, and the text that JSON
 * and Avro make of it.
 *
 * Byte 0: the type; byte 1: bit 0 text or binary, the rest its modifier.
 */
#include <stdlib.h>

#include "../../cdc/decode/postgres_types.h"
#include "../../schema/value_text.h"
#include "cdc/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t types[] = {
    OID_BOOL, OID_BYTEA, OID_INT8, OID_INT2, OID_INT4, OID_TEXT, OID_OID, OID_JSON, OID_XML,
    OID_FLOAT4, OID_FLOAT8, OID_DATE, OID_TIME, OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_NUMERIC,
    OID_UUID, OID_JSONB, 600,
};

static int32_t
modifier(uint32_t oid, uint8_t byte)
{
    if (byte < 32)
        return -1;
    if (oid == OID_NUMERIC) /* numeric(38, -8..15) */
        return ((38 << 16) | ((byte % 24 - 8) & 0x7ff)) + 4;
    return byte % 7;
}

static void
write_out(const struct column *column, const struct value *value, struct buffer *out)
{
    uint8_t zoned[TEXT_ZONED_MAX];

    buffer_reset(out);
    switch (column->type) {
    case TYPE_FLOAT32:
        json_float(out, (float)value->f);
        break;
    case TYPE_FLOAT64:
        json_double(out, value->f);
        break;
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        decimal_text(out, value->bytes, value->scale);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        if (text_zoned(zoned, value, text_digits(column)) > sizeof(zoned))
            abort();
        break;
    case TYPE_TEXT:
    case TYPE_JSON:
    case TYPE_UUID:
    case TYPE_ENUM:
    case TYPE_OTHER:
        json_text(out, value->bytes);
        break;
    case TYPE_BYTES:
        json_base64(out, value->bytes);
        break;
    default:
        json_int(out, value->i);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    static struct buffer out;
    struct column column = {.name = "c"};
    struct value value;
    int status;

    if (size < 2)
        return 0;
    column.type_id = types[data[0] % (sizeof(types) / sizeof(types[0]))];
    column.typmod = modifier(column.type_id, data[1] >> 1);
    postgres_type_of(column.type_id, column.typmod, &column);
    struct bytes raw = bytes_of(data + 2, size - 2);
    status = data[1] & 1 ? postgres_value_binary(&column, raw, &arena, &value, NULL)
                         : postgres_value_text(&column, raw, &arena, &value, NULL);
    if (status == 0)
        write_out(&column, &value, &out);
    arena_reset(&arena);
    return 0;
}
