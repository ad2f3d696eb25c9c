/*
 * fuzz_binlog_values.c -- any bytes as one value of any column of a binlog.
 *
 * Bytes 0 to 9 are the column: type, disguise, whether unsigned (bit 0) and what geometry,
 * fraction, width of the prefix, precision, scale, bits, bytes at most (divided by 4), character
 * set. The rest is the value.
 *
 * A value that comes out must be of its type's shape, and skipping it must go as far as decoding
 * it.
 */
#include <stdlib.h>

#include "../../cdc/decode/binlog_types.h"
#include "../../schema/value_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 10, LABELS = 64 };

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static struct binlog_column
described(const uint8_t *head)
{
    static const struct bytes labels[LABELS] = {{(const uint8_t *)"a", 1},
                                                {(const uint8_t *)"b,c", 3}};

    return (struct binlog_column){
        .type = head[0],
        .disguise = head[1] % 5,
        .is_unsigned = head[2] & 1,
        .geometry = head[2] >> 1,
        .fraction = head[3],
        .width = head[4],
        .precision = head[5],
        .scale = head[6],
        .bits = head[7],
        .max_bytes = head[8] * 4u,
        .charset = head[9] % BINLOG_CHARSET_MAX,
        .nlabels = LABELS,
        .labels = labels,
    };
}

static void
check_integer(const struct column *column, struct bytes bytes)
{
    static struct buffer out;

    expect(bytes.len > 0);
    if (bytes.len > 1)
        expect((bytes.at[0] != 0x00 || bytes.at[1] >= 0x80) &&
               (bytes.at[0] != 0xff || bytes.at[1] < 0x80));
    buffer_reset(&out);
    decimal_text(&out, bytes, column->scale);
}

static void
check(const struct column *column, const struct value *value)
{
    static const int64_t day = INT64_C(86400000000);
    bool none = value->special == VALUE_NO_DATE;
    uint8_t sum = 0;

    expect(value->state == VALUE_SET);
    expect(none || value->special == VALUE_FINITE);
    switch (column->type) {
    case TYPE_BOOL:
        expect(value->i == 0 || value->i == 1);
        return;
    case TYPE_INT16:
        expect(value->i == (int16_t)value->i);
        return;
    case TYPE_INT32:
        expect(value->i == (int32_t)value->i);
        return;
    case TYPE_INT64:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return;
    case TYPE_YEAR:
        expect(value->i == 0 || (value->i >= 1901 && value->i <= 2155));
        return;
    case TYPE_DATE:
        expect(none ? value->i >= 0 && value->i < 10000 * 13 * 32
                    : value->i >= -719528 && value->i <= 2932896);
        return;
    case TYPE_TIME:
        expect(!none && value->i > -839 * INT64_C(3600000000) &&
               value->i < 839 * INT64_C(3600000000));
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        expect(none ? value->i >= 0 && value->i < 10000 * 13 * 32 * day
                    : value->i >= -719528 * day && value->i < 2932897 * day);
        return;
    case TYPE_DECIMAL:
        expect(value->scale == column->scale);
        check_integer(column, value->bytes);
        return;
    case TYPE_BITS:
        expect(value->bytes.len == ((size_t)column->length + 7) / 8);
        break;
    case TYPE_UUID:
        expect(value->bytes.len == 36);
        break;
    case TYPE_VECTOR:
        expect(value->bytes.len % 4 == 0);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < value->bytes.len; i++) /* every byte is there */
        sum ^= value->bytes.at[i];
    *(volatile uint8_t *)&sum = sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct binlog_column how;
    struct column column = {.name = "c", .binlog = &how};
    struct error err = ERROR_INIT;
    struct value value;

    if (size < HEAD)
        return 0;
    how = described(data);
    if (binlog_type_prepare(&column, &arena, &err) == 0) {
        struct cursor in = cursor_of(bytes_of(data + HEAD, size - HEAD)), skipped = in;
        int skip = binlog_value_skip(&column, &skipped);
        int status = binlog_value(&column, &in, &arena, &value, &err);

        if (status == 0) {
            expect(skip == 0 && in.at == skipped.at);
            check(&column, &value);
            if (how.charset > BINLOG_CHARSET_UTF8MB3 && column.type == TYPE_TEXT)
                expect(bytes_utf8_valid(value.bytes));
        } else {
            expect(err.kind == ERROR_DATA && err.code[0] != 0 && err.text[0] != 0);
            expect(skip == 0 || cursor_short(&skipped));
        }
    }
    arena_reset(&arena);
    return 0;
}
